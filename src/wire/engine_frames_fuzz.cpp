// Mutates whole frame streams and feeds them in random pieces: the decoder must never crash, and whatever it accepts must
// encode to bytes that decode to the same frame.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/random.hpp"
#include "wire/engine_frames.hpp"

namespace {

using namespace suffice;

std::vector<std::string> corpus() {
  wire::EngineCall call{.id = 7, .messages = {{"system", "t"}, {"user", "text"}}};
  call.sampling.stop = {"\n"};
  call.sampling.temperature = 0.5;
  call.constraint = {.kind = wire::EngineConstraint::Kind::Labels,
                     .labels = {"a", "b", "c"},
                     .tools = {{.name = "f", .parameters = "{}"}}};
  call.task = "t";
  call.adapters = {{.name = "lora", .scale = 0.5}};
  call.abort.min_token_probability = 0.01;
  wire::EngineDone done{.id = 7, .text = "a"};
  done.logprobs = {{.token = "a", .logprob = -1, .top = {{.token = "b", .logprob = -2}}}};
  done.labels = LabelDistribution{.entries = {{"a", 0.5}, {"b", 0.5}}};
  done.samples = {{.text = "a", .mean_logprob = -1}};
  const wire::EngineFrame frames[] = {wire::EngineHello{},
                                      wire::EngineReady{.facts = {.name = "m", .sandbox = {"x"}}},
                                      call,
                                      wire::EngineDelta{.id = 7, .text = "x"},
                                      done,
                                      wire::EngineFailure{.id = 7, .message = "m"},
                                      wire::EnginePong{},
                                      wire::EngineLog{.text = "l"},
                                      wire::EngineEmbed{.id = 8, .texts = {"a", "b"}},
                                      wire::EngineEmbedded{.id = 8, .vectors = {{1, 2}, {3, 4}}},
                                      wire::EngineAdapterOrder{.id = 9, .name = "n", .path = "p"},
                                      wire::EngineAdapters{.id = 9, .adapters = {{.name = "n"}}},
                                      wire::EngineCount{.id = 10, .messages = {{"user", "text"}}},
                                      wire::EngineCounted{.id = 10, .tokens = 3}};
  std::vector<std::string> out;
  for (const wire::EngineFrame& frame : frames) out.push_back(wire::encode(frame).value());
  return out;
}

void mutate(std::string& bytes, Random& random) {
  const std::uint64_t changes = random.below(6);
  for (std::uint64_t i = 0; i < changes && !bytes.empty(); ++i) {
    const std::size_t at = random.below(bytes.size());
    switch (random.below(4)) {
      case 0:
        bytes[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        bytes.erase(at, 1 + random.below(4));
        break;
      case 2:
        bytes.insert(at, 1 + random.below(4), static_cast<char>(random.below(256)));
        break;
      default:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
    }
  }
}

void check(const std::string& stream, Random& random) {
  wire::EngineFrameDecoder decoder;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = 1 + random.below(40);
    decoder.feed(std::string_view(stream).substr(at, size));
    at += size;
    for (;;) {
      const auto frame = decoder.next();
      if (!frame || !*frame) break;
      const std::string again = wire::encode(**frame).value();
      wire::EngineFrameDecoder second;
      second.feed(again);
      const auto decoded = second.next();
      // Bytes, not values: a NaN is not equal to itself.
      if (!decoded || !*decoded || wire::encode(**decoded).value() != again) std::abort();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t iterations = 20'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seed") == 0) seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--iterations") == 0) iterations = std::strtoull(argv[i + 1], nullptr, 10);
  }
  std::printf("engine_frames: seed %llu, %llu iterations\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(iterations));
  SeededRandom random(seed);
  const std::vector<std::string> seeds = corpus();
  for (std::uint64_t i = 0; i < iterations; ++i) {
    std::string stream;
    for (std::uint64_t n = 1 + random.below(3); n > 0; --n) stream += seeds[random.below(seeds.size())];
    mutate(stream, random);
    check(stream, random);
  }
  return 0;
}
