// Streams of the Responses dialect, as a client's SSE reader sees them, whole and split at every byte.
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wire/openai_responses.hpp"
#include "wire/sse.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

ResponsesMeta meta_with(bool logprobs = false) {
  ResponsesMeta meta;
  meta.id = "resp_1";
  meta.created = 1700000000;
  meta.model = "m";
  meta.item_seed = "s";
  meta.include_logprobs = logprobs;
  meta.echo = decode_openai_responses_request(R"({"model":"m","input":"hi"})")->echo;
  return meta;
}

Delta text_delta(std::string text) {
  Delta delta;
  delta.text = std::move(text);
  return delta;
}

Delta call_delta(std::size_t index, std::string id, std::string name, std::string arguments) {
  Delta delta;
  delta.tool_calls.push_back(
      {.index = index, .id = std::move(id), .name = std::move(name), .arguments = std::move(arguments)});
  return delta;
}

std::string stream_of(const std::vector<Delta>& deltas, FinishReason finish = FinishReason::Stop,
                      bool logprobs = false) {
  OpenAiResponsesStreamWriter writer(meta_with(logprobs));
  std::string out = writer.begin();
  for (const Delta& delta : deltas) out += writer.delta(delta);
  return out + writer.end(finish, Usage{.input_tokens = 1, .output_tokens = 2}, DecisionExtension{}, 1700000001);
}

std::vector<SseEvent> read(std::string_view stream, std::size_t piece) {
  SseReader reader;
  std::vector<SseEvent> events;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    EXPECT_TRUE(reader.feed(stream.substr(at, piece), events).has_value());
  }
  EXPECT_TRUE(reader.at_boundary());
  return events;
}

std::vector<bj::object> objects(std::string_view stream) {
  std::vector<bj::object> all;
  for (const SseEvent& event : read(stream, stream.size())) {
    const auto value = parse_json(event.data);
    EXPECT_TRUE(value && value->is_object()) << event.data;
    all.push_back(value && value->is_object() ? value->get_object() : bj::object());
    EXPECT_EQ(std::string(all.back().at("type").as_string()), event.event) << "the event's name is its type";
    EXPECT_EQ(all.back().at("sequence_number").as_int64(), static_cast<std::int64_t>(all.size()) - 1);
  }
  return all;
}

std::vector<std::string> types(const std::vector<bj::object>& events) {
  std::vector<std::string> all;
  for (const bj::object& event : events) all.emplace_back(event.at("type").as_string());
  return all;
}

/// What a client holds after applying every event, as the SDKs' accumulators do; checks that no event names what was not announced.
bj::array accumulated(const std::vector<bj::object>& events) {
  bj::array output;
  std::map<std::int64_t, bool> open;
  for (const bj::object& event : events) {
    const std::string_view type = event.at("type").as_string();
    if (!event.contains("output_index")) continue;
    const std::int64_t index = event.at("output_index").as_int64();
    if (type == "response.output_item.added") {
      EXPECT_EQ(index, static_cast<std::int64_t>(output.size())) << "items are announced in their order";
      output.push_back(event.at("item"));
      open[index] = true;
      continue;
    }
    EXPECT_TRUE(open[index]) << type << " for an item that is not open";
    if (!open[index]) continue;
    bj::object& item = output[static_cast<std::size_t>(index)].as_object();
    if (type == "response.output_item.done") {
      EXPECT_EQ(item.at("id"), event.at("item").at("id"));
      item["status"] = event.at("item").at("status");
      EXPECT_EQ(to_json_text(item).text, to_json_text(event.at("item")).text)
          << "done says what the events added up to";
      open[index] = false;
      continue;
    }
    EXPECT_EQ(item.at("id"), event.at("item_id"));
    if (type == "response.function_call_arguments.delta") {
      item["arguments"] = std::string(item["arguments"].as_string()) + std::string(event.at("delta").as_string());
    } else if (type == "response.content_part.added") {
      item["content"].as_array().push_back(event.at("part"));
    } else if (type == "response.output_text.delta" || type == "response.refusal.delta") {
      bj::object& part = item["content"].at(static_cast<std::size_t>(event.at("content_index").as_int64())).as_object();
      const std::string_view field = type == "response.refusal.delta" ? "refusal" : "text";
      part[field] = std::string(part[field].as_string()) + std::string(event.at("delta").as_string());
      if (field == "text") {
        for (const bj::value& token : event.at("logprobs").as_array()) part["logprobs"].as_array().push_back(token);
      }
    }
  }
  for (const auto& [index, is_open] : open) EXPECT_FALSE(is_open) << index;
  return output;
}

TEST(ResponsesStream, TextComesInThePublishedOrder) {
  const auto events = objects(stream_of({text_delta("Hel"), text_delta("lo")}));

  EXPECT_EQ(types(events),
            (std::vector<std::string>{
                "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
                "response.output_text.delta", "response.output_text.delta", "response.output_text.done",
                "response.content_part.done", "response.output_item.done", "response.completed"}));
  EXPECT_EQ(events[6].at("text"), "Hello");
  EXPECT_EQ(events.back().at("response").at("status"), "completed");
  EXPECT_EQ(events.back().at("response").at("usage").at("total_tokens"), 3);
  EXPECT_EQ(events.front().at("response").at("status"), "in_progress");
}

TEST(ResponsesStream, AddsUpToTheWholeAnswer) {
  struct Case {
    std::string_view name;
    std::vector<Delta> deltas;
  };
  Delta refusal;
  refusal.refusal = "no";
  Delta both = text_delta("ab");
  both.refusal = "c";
  const std::vector<Case> cases = {
      {"nothing", {}},
      {"text", {text_delta("a"), text_delta("b\n\"\\ \xC3\xA9")}},
      {"refusal", {refusal, refusal}},
      {"text then refusal", {text_delta("a"), refusal}},
      {"both at once", {both}},
      {"one call", {call_delta(0, "c1", "f", ""), call_delta(0, "", "", "{\"a\""), call_delta(0, "", "", ":1}")}},
      {"text then calls", {text_delta("wait"), call_delta(0, "c1", "f", "{}"), call_delta(1, "c2", "g", "{}")}},
      {"calls at the same time",
       {call_delta(0, "c1", "f", "{"), call_delta(1, "c2", "g", "{"), call_delta(0, "", "", "}"),
        call_delta(1, "", "", "}")}},
      {"text after a call", {call_delta(0, "c1", "f", "{}"), text_delta("done")}},
      {"a call without id", {call_delta(3, "", "f", "{}")}},
  };
  for (const Case& one : cases) {
    const auto events = objects(stream_of(one.deltas));
    const bj::array output = accumulated(events);
    EXPECT_EQ(to_json_text(output).text, to_json_text(events.back().at("response").at("output")).text) << one.name;
    EXPECT_FALSE(output.empty()) << one.name;
  }
}

TEST(ResponsesStream, IsTheSameSplitAtEveryByte) {
  const std::string stream =
      stream_of({text_delta("a\r\nb"), call_delta(0, "c1", "f", "{\"a\": \"\xF0\x9F\x98\x80\"}")});
  const auto whole = read(stream, stream.size());
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}}) {
    EXPECT_EQ(read(stream, piece), whole);
  }
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    SseReader reader;
    std::vector<SseEvent> events;
    ASSERT_TRUE(reader.feed(std::string_view(stream).substr(0, cut), events).has_value());
    ASSERT_TRUE(reader.feed(std::string_view(stream).substr(cut), events).has_value());
    ASSERT_EQ(events, whole) << cut;
  }
}

TEST(ResponsesStream, LogprobsComeWithTheirText) {
  Delta delta = text_delta("x");
  delta.logprobs = {{.token = "x", .logprob = -0.5, .top = {}}};
  const auto asked = objects(stream_of({delta}, FinishReason::Stop, true));
  EXPECT_EQ(asked[4].at("logprobs").at(0).at("token"), "x");
  EXPECT_EQ(asked.back().at("response").at("output").at(0).at("content").at(0).at("logprobs").as_array().size(), 1U);

  const auto unasked = objects(stream_of({delta}));
  EXPECT_TRUE(unasked[4].at("logprobs").as_array().empty());
}

TEST(ResponsesStream, WhatWasCutShortEndsAsIncomplete) {
  const auto events = objects(stream_of({text_delta("cut")}, FinishReason::Length));
  EXPECT_EQ(events.back().at("type"), "response.incomplete");
  EXPECT_EQ(events.back().at("response").at("incomplete_details").at("reason"), "max_output_tokens");
  EXPECT_EQ(events.back().at("response").at("output").at(0).at("status"), "incomplete");
}

TEST(ResponsesStream, AnErrorIsRaisedAndThenTheResponseFails) {
  OpenAiResponsesStreamWriter writer(meta_with());
  std::string out = writer.begin() + writer.delta(text_delta("half"));
  const Error error{.code = ErrorCode::RateLimited, .message = "slow down", .where = {}};
  out += writer.error(error, "rate_limit_error");

  const auto events = objects(out);
  const bj::object& raised = events[events.size() - 2];
  EXPECT_EQ(raised.at("type"), "error");
  EXPECT_EQ(raised.at("code"), "rate_limited");
  EXPECT_TRUE(raised.contains("param"));
  EXPECT_EQ(raised.at("error").at("code"), "rate_limited") << "where the AI SDK looks for it";
  const bj::object& response = events.back().at("response").as_object();
  EXPECT_EQ(events.back().at("type"), "response.failed");
  EXPECT_EQ(response.at("status"), "failed");
  EXPECT_EQ(response.at("error").at("code"), "rate_limit_exceeded");
  EXPECT_EQ(response.at("output").at(0).at("status"), "incomplete");
  EXPECT_TRUE(writer.items().empty()) << "nothing of a failed answer can be referred to";
}

TEST(ResponsesStream, ItsItemsAreThoseOfTheWholeAnswer) {
  OpenAiResponsesStreamWriter writer(meta_with());
  static_cast<void>(writer.begin() + writer.delta(text_delta("wait")) + writer.delta(call_delta(0, "a", "f", "{}")));
  static_cast<void>(writer.end(FinishReason::ToolCalls, std::nullopt, DecisionExtension{}, 1));
  Completion completion;
  completion.text = "wait";
  completion.tool_calls = {{"a", "f", "{}"}};

  const auto whole = encode_openai_response(completion, meta_with(), 1).items;
  const auto streamed = writer.items();
  ASSERT_EQ(streamed.size(), whole.size());
  for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_EQ(streamed[i].json, whole[i].json);
}

}  // namespace
}  // namespace suffice::wire
