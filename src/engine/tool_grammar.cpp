#include "engine/tool_grammar.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "engine/schema_grammar.hpp"
#include "wire/json_writer.hpp"
#include "wire/tool_text.hpp"

namespace suffice::engine {
namespace {

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; }

/// Where the quoted part or the class that starts at `at` ends.
std::size_t end_of_quoted(std::string_view gbnf, std::size_t at, char close) {
  for (++at; at < gbnf.size(); ++at) {
    if (gbnf[at] == '\\') {
      ++at;
    } else if (gbnf[at] == close) {
      return at + 1;
    }
  }
  return gbnf.size();
}

/// `c` within a literal or a class; the mark holds nothing else that must be written differently.
std::string spelled(char c) { return c == '\n' ? "\\x0A" : std::string(1, c); }

/// Text that ends, or goes on with a call's body after the mark that begins one: an automaton that knows how much of the mark has
/// been written. Text can therefore hold no call that is not one.
std::string text_or_calls() {
  constexpr std::string_view mark = wire::kToolCallBegin;
  std::string rules = "text-0 ::= \"\" | [^" + spelled(mark[0]) + "] text-0 | \"" + spelled(mark[0]) + "\" text-1\n";
  for (std::size_t i = 1; i < mark.size(); ++i) {
    const std::string next = i + 1 == mark.size() ? "calls-rest" : "text-" + std::to_string(i + 1);
    rules += "text-" + std::to_string(i) + " ::= \"\" | \"" + spelled(mark[i]) + "\" " + next + " | \"" +
             spelled(mark[0]) + "\" text-1 | [^" + spelled(mark[0]) + spelled(mark[i]) + "] text-0\n";
  }
  return rules;
}

/// A rule for the arguments of one tool, under `prefix`.
Result<std::string> arguments_grammar(const wire::EngineTool& tool, const std::string& prefix, const std::string& at) {
  if (tool.parameters.empty()) return prefix + "root ::= \"{}\"\n";
  boost::system::error_code error;
  const boost::json::value schema = boost::json::parse(tool.parameters, error);
  const boost::json::object* object = error ? nullptr : schema.if_object();
  if (object == nullptr) {
    return fail(ErrorCode::InvalidArgument, "the parameters of a tool are a JSON Schema, an object", at);
  }
  // Arguments are an object whatever the schema leaves open.
  const bool says_shape = object->contains("type") || object->contains("properties") || object->contains("$ref") ||
                          object->contains("anyOf") || object->contains("oneOf");
  if (!says_shape) return with_rule_prefix(json_object_grammar(), prefix);
  Result<std::string> grammar = grammar_from_schema(tool.parameters);
  if (grammar) return with_rule_prefix(*grammar, prefix);
  Error wrong = std::move(grammar).error();
  wrong.where = at + wrong.where;
  return fail(std::move(wrong));
}

/// Rules "call-body" (the inside of one call up to its end mark) and what it needs.
Result<std::string> call_bodies(const std::vector<wire::EngineTool>& tools) {
  std::string choice;
  std::string rules;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const std::string at = "/tools/" + std::to_string(i);
    if (tools[i].name.empty() || !names.insert(tools[i].name).second) {
      return fail(ErrorCode::InvalidArgument, "each tool needs a name of its own", at + "/name");
    }
    const std::string prefix = "tool" + std::to_string(i) + "-";
    SUFFICE_TRY(const std::string arguments, arguments_grammar(tools[i], prefix, at + "/parameters"));
    std::string begin(wire::kToolCallName);
    wire::append_json_string(begin, tools[i].name);
    begin += wire::kToolCallArguments;
    choice += (choice.empty() ? "" : " | ") + gbnf_literal(begin) + " " + prefix + "root";
    rules += arguments;
  }
  return "call-body ::= (" + choice + ") " + gbnf_literal(wire::kToolCallEnd) + "\n" + rules;
}

}  // namespace

std::string with_rule_prefix(std::string_view gbnf, std::string_view prefix) {
  std::string out;
  for (std::size_t at = 0; at < gbnf.size();) {
    const char c = gbnf[at];
    std::size_t end = at + 1;
    if (c == '"' || c == '[') {
      end = end_of_quoted(gbnf, at, c == '"' ? '"' : ']');
    } else if (c == '#') {
      end = std::min(gbnf.find('\n', at), gbnf.size());
    } else if (c == '{') {
      end = std::min(gbnf.find('}', at), gbnf.size());
    } else if (is_name(c)) {
      while (end < gbnf.size() && is_name(gbnf[end])) ++end;
      out += prefix;
    }
    out += gbnf.substr(at, end - at);
    at = end;
  }
  return out;
}

Result<std::string> grammar_with_tools(const wire::EngineConstraint& constraint, const std::string& answer) {
  if (constraint.tools.size() > kToolsMax) {
    return fail(ErrorCode::InvalidArgument, "at most " + std::to_string(kToolsMax) + " tools", "/tools");
  }
  SUFFICE_TRY(const std::string bodies, call_bodies(constraint.tools));
  const std::string begin = gbnf_literal(wire::kToolCallBegin);
  const std::string more = constraint.one_call ? ""
                                               : " (" + gbnf_literal("\n") + " " + begin + " call-body){0," +
                                                     std::to_string(kCallsMax - 1) + "}";
  std::string grammar = "calls-rest ::= call-body" + more + "\n" + bodies;
  const std::string calls = begin + " calls-rest";
  if (constraint.call_required) return "root ::= " + calls + "\n" + grammar;
  if (answer.empty()) return "root ::= text-0\n" + text_or_calls() + grammar;
  return "root ::= " + calls + " | answer-root\n" + grammar + with_rule_prefix(answer, "answer-");
}

}  // namespace suffice::engine
