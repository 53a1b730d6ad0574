#include "policy/schema_walk.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <re2/re2.h>

#include "core/text.hpp"
#include "policy/secrets.hpp"

namespace suffice::policy {

namespace json = boost::json;

namespace {

constexpr std::size_t kKeysListedMax = 14;
constexpr std::size_t kQuotedMax = 32;

std::string_view word_for(std::string_view type) {
  if (type == "object") return "a mapping";
  if (type == "array") return "a list";
  if (type == "string") return "a text";
  if (type == "integer") return "a whole number";
  if (type == "number") return "a number";
  if (type == "boolean") return "true or false";
  return "nothing";
}

std::string_view type_of(const json::value& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_bool()) return "boolean";
  if (value.is_null()) return "null";
  return value.is_double() ? "number" : "integer";
}

bool has_type(const json::value& value, std::string_view type) {
  return type_of(value) == type || (type == "number" && value.is_number());
}

/// Text of a schema's keyword; empty when absent.
std::string_view text_at(const json::object& schema, std::string_view keyword) {
  const json::value* found = schema.if_contains(keyword);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

std::optional<double> number_at(const json::object& schema, std::string_view keyword) {
  const json::value* found = schema.if_contains(keyword);
  return found != nullptr ? std::optional(found->to_number<double>()) : std::nullopt;
}

/// A short harmless value in quotes, so that a person recognises it; else what kind of value it is.
std::string quoted(const json::value& value) {
  if (value.is_number()) return fmt::format("{}", value.to_number<double>());
  const json::string* text = value.if_string();
  if (text == nullptr) return std::string(word_for(type_of(value)));
  const bool harmless = text->size() <= kQuotedMax && !looks_like_secret(*text) &&
                        std::ranges::all_of(*text, [](unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"'; });
  return harmless ? fmt::format("\"{}\"", std::string_view(*text)) : "this text";
}

std::vector<std::string> texts_of(const json::array& values) {
  std::vector<std::string> texts;
  for (const json::value& value : values) {
    if (const json::string* text = value.if_string()) texts.emplace_back(*text);
  }
  return texts;
}

}  // namespace

SchemaWalk::SchemaWalk(const json::value& schema, const YamlDocument& document, std::vector<Problem>& problems)
    : root_(schema), document_(document), problems_(problems) {}

SchemaWalk::~SchemaWalk() = default;

bool SchemaWalk::matches(std::string_view text, std::string_view pattern) {
  auto compiled = patterns_.find(pattern);
  if (compiled == patterns_.end()) {
    auto made = std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()));
    compiled = patterns_.emplace(std::string(pattern), std::move(made)).first;
  }
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled->second);
}

const json::value& SchemaWalk::resolve(const json::value& schema) const {
  const json::value* current = &schema;
  while (const json::value* reference = current->as_object().if_contains("$ref")) {
    std::string_view pointer = reference->as_string();
    pointer.remove_prefix(1);  // '#'
    current = &root_.at_pointer(pointer);
  }
  return *current;
}

void SchemaWalk::say(const json::object& schema, const Pointer& at, std::string message) {
  const std::string_view advice = text_at(schema, "x-advice");
  if (!advice.empty()) message += fmt::format("; {}", advice);
  problems_.push_back(document_.at_value(at, std::move(message)));
}

void SchemaWalk::check(const json::value& schema_or_reference, const json::value& value, const Pointer& at) {
  const json::object& schema = resolve(schema_or_reference).as_object();
  if (const json::value* all = schema.if_contains("allOf")) {
    for (const json::value& part : all->as_array()) check(part, value, at);
  }
  if (!check_type(schema, value, at)) return;
  check_choices(schema, value, at);
  check_any_of(schema, value, at);
  if (value.is_number()) check_number(schema, value, at);
  if (const json::string* text = value.if_string()) check_text(schema, *text, at);
  if (const json::array* list = value.if_array()) check_list(schema, *list, at);
  if (const json::object* mapping = value.if_object()) check_mapping(schema, *mapping, at);
}

bool SchemaWalk::check_type(const json::object& schema, const json::value& value, const Pointer& at) {
  const std::string_view type = text_at(schema, "type");
  if (type.empty() || has_type(value, type)) return true;
  if (value.is_null()) {
    say(schema, at, fmt::format("has no value; expected {}", word_for(type)));
  } else if (type == "string" && text_at(schema, "x-advice").empty() && (value.is_number() || value.is_bool())) {
    say(schema, at, fmt::format("expected a text, found {}; put it in quotes", word_for(type_of(value))));
  } else {
    say(schema, at, fmt::format("expected {}, found {}", word_for(type), word_for(type_of(value))));
  }
  return false;
}

void SchemaWalk::check_choices(const json::object& schema, const json::value& value, const Pointer& at) {
  if (const json::value* constant = schema.if_contains("const"); constant != nullptr && *constant != value) {
    say(schema, at, fmt::format("must be {}, found {}", json::serialize(*constant), quoted(value)));
  }
  const json::value* choices = schema.if_contains("enum");
  if (choices == nullptr || std::ranges::find(choices->as_array(), value) != choices->as_array().end()) return;
  const std::vector<std::string> known = texts_of(choices->as_array());
  const json::string* text = value.if_string();
  say(schema, at,
      fmt::format("{} is not one of {}{}", quoted(value), fmt::join(known, ", "),
                  text == nullptr ? std::string() : did_you_mean(*text, known)));
}

void SchemaWalk::check_any_of(const json::object& schema, const json::value& value, const Pointer& at) {
  const json::value* branches = schema.if_contains("anyOf");
  if (branches == nullptr) return;
  std::vector<const json::value*> fitting;
  std::vector<std::string_view> expected;
  for (const json::value& branch : branches->as_array()) {
    const json::object& one = resolve(branch).as_object();
    const std::string_view type = one.contains("enum") ? std::string_view("string") : text_at(one, "type");
    if (std::ranges::find(expected, word_for(type)) == expected.end()) expected.push_back(word_for(type));
    if (!has_type(value, type)) continue;
    std::vector<Problem> complaints;
    SchemaWalk(root_, document_, complaints).check(branch, value, at);
    if (complaints.empty()) return;
    fitting.push_back(&branch);
  }
  if (fitting.size() == 1) {
    check(*fitting.front(), value, at);
  } else if (fitting.empty()) {
    const auto found = value.is_null() ? std::string_view("nothing") : word_for(type_of(value));
    say(schema, at, fmt::format("expected {}, found {}", fmt::join(expected, " or "), found));
  } else {
    say(schema, at, "has none of the allowed forms");
  }
}

void SchemaWalk::check_number(const json::object& schema, const json::value& value, const Pointer& at) {
  const auto number = value.to_number<double>();
  if (const auto least = number_at(schema, "minimum"); least && number < *least) {
    say(schema, at, fmt::format("{} is less than {}", quoted(value), *least));
  }
  if (const auto most = number_at(schema, "maximum"); most && number > *most) {
    say(schema, at, fmt::format("{} is more than {}", quoted(value), *most));
  }
}

void SchemaWalk::check_text(const json::object& schema, std::string_view text, const Pointer& at) {
  const auto length = static_cast<double>(count_code_points(text));
  if (const auto least = number_at(schema, "minLength"); least && length < *least) {
    say(schema, at, "is empty");
    return;
  }
  if (const auto most = number_at(schema, "maxLength"); most && length > *most) {
    say(schema, at, fmt::format("is longer than {} characters", *most));
    return;
  }
  const std::string_view pattern = text_at(schema, "pattern");
  if (!pattern.empty() && !matches(text, pattern)) {
    say(schema, at, fmt::format("{} does not have the right form", quoted(json::value(text))));
  }
}

void SchemaWalk::check_list(const json::object& schema, const json::array& list, const Pointer& at) {
  if (const auto least = number_at(schema, "minItems"); least && static_cast<double>(list.size()) < *least) {
    say(schema, at, fmt::format("has {} entries; at least {}", list.size(), *least));
  }
  if (const auto most = number_at(schema, "maxItems"); most && static_cast<double>(list.size()) > *most) {
    say(schema, at, fmt::format("has {} entries; at most {}", list.size(), *most));
  }
  const json::value* items = schema.if_contains("items");
  if (items == nullptr) return;
  for (std::size_t i = 0; i < list.size(); ++i) check(*items, list[i], child(at, i));
}

void SchemaWalk::check_mapping(const json::object& schema, const json::object& mapping, const Pointer& at) {
  if (const auto least = number_at(schema, "minProperties"); least && static_cast<double>(mapping.size()) < *least) {
    say(schema, at, "is empty");
  }
  if (const json::value* required = schema.if_contains("required")) {
    for (const std::string& key : texts_of(required->as_array())) {
      if (!mapping.contains(key)) say(schema, at, fmt::format("the key \"{}\" is missing", key));
    }
  }
  const json::value* declared = schema.if_contains("properties");
  const json::object* properties = declared != nullptr ? &declared->as_object() : nullptr;
  const json::value* names = schema.if_contains("propertyNames");
  const json::value* others = schema.if_contains("additionalProperties");
  for (const auto& member : mapping) {
    const Pointer below = child(at, std::string_view(member.key()));
    if (names != nullptr) check_name(names->as_object(), member.key(), below);
    const json::value* known = properties != nullptr ? properties->if_contains(member.key()) : nullptr;
    if (known != nullptr) {
      check(*known, member.value(), below);
    } else if (others != nullptr && others->is_object()) {
      check(*others, member.value(), below);
    } else if (others != nullptr && !others->as_bool()) {
      unknown_key(properties, member.key(), below);
    }
  }
}

void SchemaWalk::check_name(const json::object& schema, std::string_view name, const Pointer& at) {
  if (matches(name, text_at(schema, "pattern"))) return;
  problems_.push_back(document_.at_key(at, fmt::format("not a name; {}", text_at(schema, "x-advice"))));
}

void SchemaWalk::unknown_key(const json::object* properties, std::string_view key, const Pointer& at) {
  std::vector<std::string> known;
  if (properties != nullptr) {
    for (const auto& member : *properties) known.emplace_back(member.key());
  }
  std::string message = "unknown key";
  const std::string meant = did_you_mean(key, known);
  if (!meant.empty()) {
    message += meant;
  } else if (known.size() <= kKeysListedMax) {
    message += fmt::format("; known here: {}", fmt::join(known, ", "));
  }
  problems_.push_back(document_.at_key(at, std::move(message)));
}

}  // namespace suffice::policy
