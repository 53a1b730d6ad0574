// What tends to hurt small models in a prompt.

#include <algorithm>
#include <set>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>
#include <fmt/format.h>

#include "prompts/prompt.hpp"

namespace suffice::prompts {

namespace json = boost::json;

namespace {

constexpr std::size_t kExamplesMax = 3;

/// The keys of a JSON object; empty for anything else.
std::set<std::string> shape_of(const std::string& output) {
  std::set<std::string> keys;
  boost::system::error_code error;
  const json::value value = json::parse(output, error);
  if (error || !value.is_object()) return keys;
  for (const auto& member : value.get_object()) keys.emplace(member.key());
  return keys;
}

bool same_shape(const std::vector<Example>& examples) {
  return std::ranges::all_of(
      examples, [&](const Example& example) { return shape_of(example.output) == shape_of(examples.front().output); });
}

}  // namespace

std::vector<std::string> lint(const Prompt& prompt) {
  std::vector<std::string> warnings;
  if (prompt.specialist) return warnings;
  const auto warn_if = [&](bool applies, std::string warning) {
    if (applies) warnings.push_back(std::move(warning));
  };
  const auto& examples = prompt.examples;
  const bool decides = prompt.parser != Parser::Text;
  warn_if(prompt.reminder.empty(), "no reminder: small models forget what stood before a long input");
  warn_if(decides && examples.empty(), "no example: show one to three of identical shape");
  warn_if(examples.size() > kExamplesMax,
          fmt::format("{} examples: more than {} crowd out the input", examples.size(), kExamplesMax));
  warn_if(
      decides && !examples.empty() && std::ranges::none_of(examples, [](const Example& e) { return !e.wrong.empty(); }),
      "no wrong answer beside a right one");
  warn_if(!prompt.categories.empty() && prompt.tie_break.empty(), "no tie-break: say which label wins when two fit");
  warn_if(prompt.parser == Parser::Json && !examples.empty() && !same_shape(examples),
          "examples of different shape: give all the same keys");
  return warnings;
}

}  // namespace suffice::prompts
