#include "workflow/patterns/maker/answer.hpp"

#include <optional>
#include <string_view>
#include <utility>

#include "core/text.hpp"
#include "gate/checks.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

namespace suffice::workflow::maker {
namespace {

/// A value as it is carried on and as it is compared.
struct Read {
  std::string json;
  std::string canonical;
};
using ReadOrFlag = std::expected<Read, RedFlag>;

bool satisfies(const std::shared_ptr<const gate::JsonSchema>& schema, const std::string& json) {
  return schema == nullptr || schema->validate(json).empty();
}

ReadOrFlag checked(Read read, const std::shared_ptr<const gate::JsonSchema>& schema) {
  if (!satisfies(schema, read.json)) return std::unexpected(RedFlag::SchemaInvalid);
  return read;
}

ReadOrFlag read_member(const boost::json::value& value, CanonicalForm form,
                       const std::shared_ptr<const gate::JsonSchema>& schema) {
  Result<std::string> same = canonical(form, value);
  if (!same) return std::unexpected(RedFlag::NotCanonical);
  Read read;
  read.json = form == CanonicalForm::Number || form == CanonicalForm::Json ? *same : wire::canonical_json(value);
  read.canonical = *std::move(same);
  return checked(std::move(read), schema);
}

/// Two texts in one, so that no two pairs share it.
std::string joined(std::string_view first, std::string_view second) {
  std::string both = std::to_string(first.size());
  both += ' ';
  both += first;
  both += second;
  return both;
}

std::expected<Vote, RedFlag> read_pair(const AnswerFormat& format, std::string_view text) {
  const Result<boost::json::value> value = wire::parse_json(text);
  if (!value) return std::unexpected(RedFlag::NotJson);
  const auto* object = value->if_object();
  const auto* action = object == nullptr ? nullptr : object->if_contains("action");
  const auto* state = object == nullptr ? nullptr : object->if_contains("state");
  if (action == nullptr || state == nullptr || object->size() != 2) return std::unexpected(RedFlag::WrongShape);
  ReadOrFlag done = read_member(*action, format.action, format.action_schema);
  if (!done) return std::unexpected(done.error());
  ReadOrFlag next = read_member(*state, format.state, format.state_schema);
  if (!next) return std::unexpected(next.error());
  return Vote{.answer = {.action = std::move(done->json), .state = std::move(next->json)},
              .canonical = joined(done->canonical, next->canonical)};
}

/// A sentence that declines, where any text could be a state. One word is an answer: "no" may be the right one.
bool declines(const AnswerFormat& format, std::string_view text) {
  const bool any_text = format.state != CanonicalForm::Json && format.state != CanonicalForm::Number;
  const bool sentence = trim(text).find(' ') != std::string_view::npos;
  return any_text && sentence && format.state_schema == nullptr && gate::is_refusal(text);
}

std::expected<Vote, RedFlag> read_value(const AnswerFormat& format, std::string_view text) {
  const bool is_json = format.state == CanonicalForm::Json;
  if (declines(format, text)) return std::unexpected(RedFlag::Empty);
  Result<std::string> same = canonical(format.state, text);
  if (!same) return std::unexpected(is_json ? RedFlag::NotJson : RedFlag::NotCanonical);
  Read read;
  if (is_json || format.state == CanonicalForm::Number) {
    read.json = *same;
  } else {
    wire::append_json_string(read.json, format.state == CanonicalForm::Exact ? text : trim(text));
  }
  read.canonical = *std::move(same);
  ReadOrFlag next = checked(std::move(read), format.state_schema);
  if (!next) return std::unexpected(next.error());
  return Vote{.answer = {.action = next->json, .state = next->json}, .canonical = std::move(next->canonical)};
}

}  // namespace

std::expected<Vote, RedFlag> read_vote(const AnswerFormat& format, const Sample& sample) {
  if (sample.text.size() > format.bytes_max) return std::unexpected(RedFlag::TooLong);
  if (sample.finish == FinishReason::Length) return std::unexpected(RedFlag::CutOff);
  if (sample.finish == FinishReason::ContentFilter || trim(sample.text).empty()) return std::unexpected(RedFlag::Empty);
  if (first_invalid_utf8(sample.text)) return std::unexpected(RedFlag::NotCanonical);
  if (format.shape == AnswerFormat::Shape::Pair) return read_pair(format, sample.text);
  return read_value(format, sample.text);
}

}  // namespace suffice::workflow::maker
