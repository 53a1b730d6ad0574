#include "wire/engine_frames.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace suffice::wire {
namespace {

EngineCall sample_call() {
  EngineCall call{.id = 7, .messages = {{"system", "classify"}, {"user", std::string("a\0b\xff", 4)}}};
  call.sampling.temperature = 0.0;
  call.sampling.max_tokens = 12;
  call.sampling.seed = -1;
  call.sampling.stop = {"\n", "END"};
  call.constraint = {.kind = EngineConstraint::Kind::Labels, .labels = {"build", "test"}};
  call.constraint.tools = {{.name = "search", .parameters = R"({"type":"object"})"}, {.name = "stop"}};
  call.constraint.call_required = true;
  call.want_logprobs = true;
  call.top_logprobs = 5;
  call.stream = true;
  call.task = "classify_issue";
  call.deadline_us = 1'500'000;
  call.adapters = {{.name = "triage", .scale = 0.5}, {.name = "german"}};
  call.samples = 5;
  call.ignore_end = true;
  call.abort = {.min_token_probability = 0.01, .min_mean_probability = 0.7, .text_bytes_max = 80};
  return call;
}

EngineDone sample_done() {
  EngineDone done{.id = 7, .text = "build", .finish = FinishReason::Length};
  done.usage = {.input_tokens = 90, .cached_input_tokens = 12, .output_tokens = 2};
  done.logprobs = {{.token = "bu", .logprob = -0.25, .top = {{.token = "te", .logprob = -1.5}}}};
  done.labels = LabelDistribution{.entries = {{"build", 0.75}, {"test", 0.25}}, .outside_mass = 0.125};
  done.labels_unresolved = 0.5;
  done.samples = {{.text = "build", .mean_logprob = -0.5}, {.text = "te", .finish = FinishReason::LowConfidence}};
  done.agreement = 0.5;
  done.prefill_us = 1234;
  return done;
}

std::vector<EngineFrame> samples() {
  return {EngineHello{},
          EngineReady{.facts = {.name = "mini",
                                .quantisation = "Q4_0",
                                .parameters = 1'840'000,
                                .writes_text = false,
                                .adapters = {{.name = "triage", .rank = 16, .parameters = 9}},
                                .sandbox = {"seccomp"}}},
          sample_call(),
          EngineCancel{.id = 9},
          EngineDelta{
              .id = 7,
              .text = "é",
              .logprobs = {{.token = "\xc3", .logprob = -1, .top = {}}, {.token = "\xa9", .logprob = 0, .top = {}}}},
          sample_done(),
          EngineFailure{.id = 0, .code = ErrorCode::ModelInvalid, .message = "not a GGUF", .where = "model.gguf"},
          EnginePing{.nonce = ~0ULL},
          EnginePong{.nonce = 3, .progress = 4, .busy = 1, .queued = 2, .prefix_hits = 5, .texts_embedded = 6},
          EngineLog{.level = EngineLog::Level::Warning, .text = "line"},
          EngineEmbed{.id = 8, .texts = {"a", ""}, .pooling = EngineEmbed::Pooling::Cls, .normalise = false},
          EngineEmbedded{.id = 8, .vectors = {{0.5F, -1.25F}, {}}, .pooling = EngineEmbed::Pooling::Last},
          EngineAdapterOrder{.id = 9, .action = EngineAdapterOrder::Action::Load, .name = "n", .path = "/m/n.gguf"},
          EngineAdapters{.id = 9, .adapters = {{.name = "n", .sha256 = "0f", .load_us = 800}}},
          EngineCount{.id = 10, .task = "t", .deadline_us = 5, .messages = {{"user", "how long am I"}}},
          EngineCounted{.id = 10, .tokens = 1'200}};
}

TEST(EngineFrames, ComeBackAsTheyWentForEveryType) {
  ASSERT_EQ(samples().size(), std::variant_size_v<EngineFrame>);
  EngineFrameDecoder decoder;
  for (const EngineFrame& frame : samples()) {
    decoder.feed(encode(frame).value());
    const auto decoded = decoder.next();
    ASSERT_TRUE(decoded.has_value()) << frame.index();
    ASSERT_TRUE(decoded->has_value()) << frame.index();
    EXPECT_EQ(**decoded, frame) << frame.index();
  }
  EXPECT_EQ(decoder.next().value(), std::nullopt);
}

TEST(EngineFrames, MayBeSplitAtEveryByte) {
  std::string stream;
  for (const EngineFrame& frame : samples()) stream += encode(frame).value();
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    EngineFrameDecoder decoder;
    std::vector<EngineFrame> got;
    for (const std::string_view part :
         {std::string_view(stream).substr(0, split), std::string_view(stream).substr(split)}) {
      decoder.feed(part);
      for (auto frame = decoder.next(); frame && *frame; frame = decoder.next()) got.push_back(**frame);
    }
    ASSERT_EQ(got, samples()) << split;
  }
}

TEST(EngineFrames, KeepSpecialNumbers) {
  EngineCall call{.id = 1};
  call.sampling.temperature = std::numeric_limits<double>::infinity();
  call.sampling.seed = std::numeric_limits<std::int64_t>::min();
  EngineFrameDecoder decoder;
  decoder.feed(encode(call).value());
  EXPECT_EQ(std::get<EngineCall>(decoder.next().value().value()), call);
}

TEST(EngineFrames, RefuseWhatIsNotAFrame) {
  struct Case {
    const char* name;
    std::string bytes;
  };
  std::string cut = encode(EngineLog{.text = "hello"}).value();
  cut[0] = static_cast<char>(cut[0] - 2);  // the length claims less than the text needs
  std::string longer = encode(EnginePing{.nonce = 1}).value() + "x";
  longer[0] = static_cast<char>(longer[0] + 1);
  std::string level = encode(EngineLog{.text = "x"}).value();
  level[5] = 9;
  const Case cases[] = {{"length zero", std::string(8, '\0')},
                        {"length beyond the limit", "\xff\xff\xff\xff\x01"},
                        {"unknown type", std::string("\x01\0\0\0\x7f", 5)},
                        {"type zero", std::string("\x01\0\0\0\0", 5)},
                        {"payload cut", cut},
                        {"payload too long", longer},
                        {"enum out of range", level}};
  for (const Case& c : cases) {
    EngineFrameDecoder decoder;
    decoder.feed(c.bytes);
    const auto first = decoder.next();
    ASSERT_FALSE(first.has_value()) << c.name;
    EXPECT_EQ(first.error().code, ErrorCode::ProtocolError) << c.name;
    decoder.feed(encode(EngineHello{}).value());
    EXPECT_FALSE(decoder.next().has_value()) << c.name << ": a broken stream stays broken";
  }
}

TEST(EngineFrames, AreBoundedWhenWritten) {
  EngineCall call{.id = 1, .messages = {{"user", std::string(kEngineFrameBytesMax + 1, 'x')}}};
  EXPECT_EQ(encode(call).error().code, ErrorCode::PayloadTooLarge);

  call.messages = {{"user", "x"}};
  call.constraint.labels.assign(kEngineListItemsMax + 1, "l");
  EXPECT_EQ(encode(call).error().code, ErrorCode::PayloadTooLarge);
}

}  // namespace
}  // namespace suffice::wire
