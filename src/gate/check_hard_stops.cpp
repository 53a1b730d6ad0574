// Hard stops on everything the model wrote: text, refusal, proposed calls, and the strings inside JSON as a reader would see them.

#include <boost/json.hpp>

#include "gate/checks.hpp"
#include "wire/json.hpp"

namespace suffice::gate {
namespace {

void append_strings(const boost::json::value& value, std::string& out) {
  if (const auto* text = value.if_string()) {
    out.append(*text).push_back('\n');
  } else if (const auto* items = value.if_array()) {
    for (const boost::json::value& item : *items) append_strings(item, out);
  } else if (const auto* members = value.if_object()) {
    for (const auto& member : *members) {
      out.append(member.key()).push_back('\n');
      append_strings(member.value(), out);
    }
  }
}

/// A word may hide in JSON as "\u0074oken"; only texts with a backslash can do that.
void append_readable(std::string_view text, std::string& out) {
  out.append(text).push_back('\n');
  if (text.find('\\') == std::string_view::npos) return;
  if (const Result<boost::json::value> value = wire::parse_json(text)) append_strings(*value, out);
}

}  // namespace

void check_hard_stops(const Judged& judged, Scorecard& card) {
  if (!judged.rules.hard_stops) return;
  const Completion& completion = judged.candidate.completion;
  std::string written;
  written.reserve(completion.text.size() + completion.refusal.size() + 16);
  append_readable(completion.text, written);
  if (judged.text != completion.text) append_readable(judged.text, written);
  if (!completion.refusal.empty()) append_readable(completion.refusal, written);
  for (const ToolCall& call : completion.tool_calls) {
    written.append(call.name).push_back('\n');
    append_readable(call.arguments, written);
  }
  const std::vector<HardStops::Match> matches = judged.rules.hard_stops->match(written, Side::Output);
  if (matches.empty()) return card.pass("hard_stops");
  for (const HardStops::Match& match : matches) card.fail("hard_stop:" + match.group, match.reason, match.rule);
}

}  // namespace suffice::gate
