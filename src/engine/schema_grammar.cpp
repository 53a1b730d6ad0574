#include "engine/schema_grammar.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <ranges>
#include <vector>

#include <boost/json.hpp>

namespace suffice::engine {
namespace {

namespace json = boost::json;

constexpr std::size_t kSchemaBytesMax = 256UL * 1024;
constexpr int kDepthMax = 32;
constexpr std::size_t kRulesMax = 4'000;
/// Repetition beyond this is left open: libllama writes every repetition out.
constexpr std::int64_t kRepeatMax = 256;

/// Keywords that change what shapes are allowed in ways this translation does not know.
constexpr std::array<std::string_view, 17> kUnsupported = {"allOf",
                                                           "not",
                                                           "if",
                                                           "then",
                                                           "else",
                                                           "patternProperties",
                                                           "contains",
                                                           "prefixItems",
                                                           "additionalItems",
                                                           "dependentSchemas",
                                                           "dependentRequired",
                                                           "dependencies",
                                                           "unevaluatedItems",
                                                           "$dynamicRef",
                                                           "$recursiveRef",
                                                           "minContains",
                                                           "maxContains"};

constexpr std::string_view kCommonRules = R"(
ws-string ::= "\"" char* "\""
ws-text ::= "\"" char+ "\""
char ::= [^"\\\x7F\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})
digits ::= "0" | [1-9] [0-9]{0,15}
integer ::= "-"? digits
natural ::= digits
number ::= "-"? digits ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?
boolean ::= "true" | "false"
null ::= "null"
member ::= ws-string ":" value
object ::= "{" (member ("," member)*)? "}"
array ::= "[" (value ("," value)*)? "]"
value ::= object | array | ws-string | number | boolean | null
)";

std::string escape_pointer(std::string_view token) {
  std::string out;
  for (const char c : token) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

/// What encloses a schema: whether it is a required property's, where an empty string would be refused.
enum class Place : std::uint8_t { Anywhere, RequiredProperty };

struct Range {
  std::int64_t min = 0;
  std::optional<std::int64_t> max = std::nullopt;

  [[nodiscard]] std::string repeat() const {
    const bool open = !max || *max > kRepeatMax;
    return "{" + std::to_string(min) + "," + (open ? "" : std::to_string(*max)) + "}";
  }
};

class Translator {
 public:
  explicit Translator(const json::value& schema) : document_(schema) {}

  Result<std::string> run() {
    SUFFICE_TRY(const std::string root, translate(document_, "", 0, Place::Anywhere));
    std::string grammar = "root ::= " + root + "\n";
    for (std::size_t i = 0; i < rules_.size(); ++i) grammar += "r" + std::to_string(i) + " ::= " + rules_[i] + "\n";
    return grammar.append(kCommonRules.substr(1));
  }

 private:
  /// Each function gives the name of a rule for its schema.
  Result<std::string> translate(const json::value& schema, const std::string& at, int depth, Place place) {
    if (depth > kDepthMax) return fail(ErrorCode::InvalidArgument, "the schema is nested deeper than 32 levels", at);
    if (rules_.size() > kRulesMax)
      return fail(ErrorCode::InvalidArgument, "the schema needs more than 4,000 rules", at);
    if (const bool* any = schema.if_bool()) {
      if (*any) return "value";
      return fail(ErrorCode::InvalidArgument, "the schema false allows no answer", at);
    }
    const json::object* object = schema.if_object();
    if (object == nullptr) return fail(ErrorCode::InvalidArgument, "a schema must be an object or a boolean", at);
    for (const auto& [keyword, value] : *object) {
      if (std::find(kUnsupported.begin(), kUnsupported.end(), std::string_view(keyword)) != kUnsupported.end()) {
        return fail(ErrorCode::UnsupportedField,
                    "the embedded model cannot be held to the schema keyword '" + std::string(keyword) +
                        "'; remove it, or send the task to a model that checks it",
                    at + "/" + std::string(keyword));
      }
    }
    return translate_object(*object, at, depth, place);
  }

  Result<std::string> translate_object(const json::object& schema, const std::string& at, int depth, Place place) {
    if (const json::value* ref = schema.if_contains("$ref")) return reference(*ref, at, depth, place);
    if (const json::value* value = schema.if_contains("const")) return add(gbnf_literal(json::serialize(*value)));
    if (const json::value* values = schema.if_contains("enum")) return enumeration(*values, at + "/enum");
    for (const char* keyword : {"anyOf", "oneOf"}) {
      if (const json::value* options = schema.if_contains(keyword)) {
        return alternatives(*options, at + "/" + keyword, depth, place);
      }
    }
    const json::value* type = schema.if_contains("type");
    if (type == nullptr) {
      if (schema.contains("properties")) return object_rule(schema, at, depth);
      if (schema.contains("items")) return array_rule(schema, at, depth);
      return "value";
    }
    if (const json::array* types = type->if_array()) {
      std::vector<std::string> names;
      for (const json::value& one : *types) {
        SUFFICE_TRY(std::string rule, typed(one, schema, at, depth, place));
        names.push_back(std::move(rule));
      }
      return one_of(names, at + "/type");
    }
    return typed(*type, schema, at, depth, place);
  }

  Result<std::string> typed(const json::value& type, const json::object& schema, const std::string& at, int depth,
                            Place place) {
    const std::string_view name = type.is_string() ? std::string_view(type.get_string()) : std::string_view();
    if (name == "object") return object_rule(schema, at, depth);
    if (name == "array") return array_rule(schema, at, depth);
    if (name == "string") return string_rule(schema, at, place);
    if (name == "integer") return never_negative(schema) ? "natural" : "integer";
    if (name == "number" || name == "boolean" || name == "null") return std::string(name);
    return fail(ErrorCode::InvalidArgument, "the schema names a type that does not exist", at + "/type");
  }

  static bool never_negative(const json::object& schema) {
    const json::value* minimum = schema.if_contains("minimum");
    if (minimum == nullptr || !minimum->is_number()) return false;
    return minimum->to_number<double>() >= 0;
  }

  Result<std::string> string_rule(const json::object& schema, const std::string& at, Place place) {
    SUFFICE_TRY(Range range, read_range(schema, "minLength", "maxLength", at));
    if (place == Place::RequiredProperty && range.max != 0) range.min = std::max<std::int64_t>(range.min, 1);
    if (!range.max && range.min == 0) return "ws-string";
    if (!range.max && range.min == 1) return "ws-text";
    return add("\"\\\"\" char" + range.repeat() + " \"\\\"\"");
  }

  Result<std::string> array_rule(const json::object& schema, const std::string& at, int depth) {
    SUFFICE_TRY(const Range range, read_range(schema, "minItems", "maxItems", at));
    if (range.max == 0) return add("\"[]\"");
    std::string item = "value";
    if (const json::value* items = schema.if_contains("items")) {
      SUFFICE_TRY(item, translate(*items, at + "/items", depth + 1, Place::Anywhere));
    }
    Range further{.min = std::max<std::int64_t>(range.min - 1, 0)};
    if (range.max) further.max = *range.max - 1;
    const std::string some = item + " (\",\" " + item + ")" + further.repeat();
    return add("\"[\" " + (range.min == 0 ? "(" + some + ")?" : some) + " \"]\"");
  }

  struct Property {
    std::string key_and_value;
    bool required = false;
  };

  Result<std::string> object_rule(const json::object& schema, const std::string& at, int depth) {
    SUFFICE_TRY(const std::vector<Property> properties, read_properties(schema, at, depth));
    if (properties.empty()) return map_rule(schema, at, depth);
    // From the last property to the first: what may follow when something was written before it, and when nothing was.
    std::string after_some;
    std::string after_none;
    for (const Property& property : std::views::reverse(properties)) {
      const std::string taken = property.key_and_value + (after_some.empty() ? "" : " " + after_some);
      std::string none = taken;
      std::string some = "\",\" " + taken;
      if (!property.required) {
        none += after_none.empty() ? " | \"\"" : " | " + after_none;
        some += after_some.empty() ? " | \"\"" : " | " + after_some;
      }
      after_none = add(none);
      after_some = add(some);
    }
    return add("\"{\" " + after_none + " \"}\"");
  }

  /// An object without declared properties: empty, or any members of one kind.
  Result<std::string> map_rule(const json::object& schema, const std::string& at, int depth) {
    const json::value* additional = schema.if_contains("additionalProperties");
    if (additional == nullptr || (additional->is_bool() && additional->get_bool())) return "object";
    if (additional->is_bool()) return add("\"{}\"");
    SUFFICE_TRY(const std::string value,
                translate(*additional, at + "/additionalProperties", depth + 1, Place::Anywhere));
    const std::string member = "ws-text \":\" " + value;
    return add("\"{\" (" + member + " (\",\" " + member + ")*)? \"}\"");
  }

  Result<std::vector<Property>> read_properties(const json::object& schema, const std::string& at, int depth) {
    SUFFICE_TRY(std::vector<std::string> required, read_required(schema, at));
    std::vector<Property> properties;
    const auto append = [&](std::string_view key, const std::string& value, bool needed) {
      properties.push_back({gbnf_literal(json::serialize(json::string(key)) + ":") + " " + value, needed});
    };
    if (const json::value* declared = schema.if_contains("properties")) {
      const json::object* members = declared->if_object();
      if (members == nullptr)
        return fail(ErrorCode::InvalidArgument, "properties must be an object", at + "/properties");
      for (const auto& [key, value] : *members) {
        const bool needed = std::erase(required, std::string_view(key)) > 0;
        // An optional property that allows nothing is one that must not be there.
        if (!needed && value.is_bool() && !value.get_bool()) continue;
        SUFFICE_TRY(const std::string rule, translate(value, at + "/properties/" + escape_pointer(key), depth + 1,
                                                      needed ? Place::RequiredProperty : Place::Anywhere));
        append(key, rule, needed);
      }
    }
    for (const std::string& key : required) append(key, "value", true);
    return properties;
  }

  static Result<std::vector<std::string>> read_required(const json::object& schema, const std::string& at) {
    std::vector<std::string> names;
    const json::value* required = schema.if_contains("required");
    if (required == nullptr) return names;
    const json::array* list = required->if_array();
    const bool strings =
        list != nullptr && std::all_of(list->begin(), list->end(), [](const auto& v) { return v.is_string(); });
    if (!strings)
      return fail(ErrorCode::InvalidArgument, "required must be a list of property names", at + "/required");
    for (const json::value& name : *list) {
      std::string text(name.get_string());
      if (std::find(names.begin(), names.end(), text) == names.end()) names.push_back(std::move(text));
    }
    return names;
  }

  static Result<Range> read_range(const json::object& schema, const char* low, const char* high,
                                  const std::string& at) {
    const auto read = [&](const char* keyword) -> Result<std::optional<std::int64_t>> {
      const json::value* value = schema.if_contains(keyword);
      if (value == nullptr) return std::nullopt;
      boost::system::error_code error;
      const auto number = value->is_number() ? value->to_number<std::int64_t>(error) : -1;
      if (error || number < 0) {
        return fail(ErrorCode::InvalidArgument, std::string(keyword) + " must be a whole number, 0 or more",
                    at + "/" + keyword);
      }
      return number;
    };
    SUFFICE_TRY(const std::optional<std::int64_t> min, read(low));
    SUFFICE_TRY(const std::optional<std::int64_t> max, read(high));
    const Range range{.min = min.value_or(0), .max = max};
    if (range.min > kRepeatMax) {
      return fail(ErrorCode::UnsupportedField, std::string(low) + " above 256 cannot be held by the embedded model",
                  at + "/" + low);
    }
    if (max && *max < range.min) {
      return fail(ErrorCode::InvalidArgument, std::string(high) + " is below " + low, at + "/" + high);
    }
    return range;
  }

  Result<std::string> enumeration(const json::value& values, const std::string& at) {
    const json::array* list = values.if_array();
    if (list == nullptr) return fail(ErrorCode::InvalidArgument, "enum must be a list", at);
    std::vector<std::string> literals;
    for (const json::value& value : *list) literals.push_back(gbnf_literal(json::serialize(value)));
    return one_of(literals, at);
  }

  Result<std::string> alternatives(const json::value& options, const std::string& at, int depth, Place place) {
    const json::array* list = options.if_array();
    if (list == nullptr) return fail(ErrorCode::InvalidArgument, "anyOf and oneOf must be lists of schemas", at);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < list->size(); ++i) {
      SUFFICE_TRY(std::string rule, translate((*list)[i], at + "/" + std::to_string(i), depth + 1, place));
      names.push_back(std::move(rule));
    }
    return one_of(names, at);
  }

  Result<std::string> reference(const json::value& ref, const std::string& at, int depth, Place place) {
    const json::string* text = ref.if_string();
    if (text == nullptr || !text->starts_with('#')) {
      return fail(ErrorCode::UnsupportedField, "the embedded model follows $ref within the schema only (\"#...\")",
                  at + "/$ref");
    }
    const std::string pointer(std::string_view(*text).substr(1));
    const auto key = std::make_pair(pointer, place);
    if (const auto known = references_.find(key); known != references_.end()) return known->second;
    boost::system::error_code error;
    const json::value* target = pointer.empty() ? &document_ : document_.find_pointer(pointer, error);
    if (target == nullptr || error) {
      return fail(ErrorCode::InvalidArgument, "the $ref leads nowhere", at + "/$ref");
    }
    // Named before its target is read: a schema may contain itself.
    const std::size_t slot = rules_.size();
    rules_.emplace_back();
    const std::string name = "r" + std::to_string(slot);
    references_.emplace(key, name);
    SUFFICE_TRY(rules_[slot], translate_reference(*target, pointer, depth, place));
    return name;
  }

  Result<std::string> translate_reference(const json::value& target, const std::string& pointer, int depth,
                                          Place place) {
    return translate(target, pointer, depth + 1, place);
  }

  Result<std::string> one_of(const std::vector<std::string>& options, const std::string& at) {
    if (options.empty()) return fail(ErrorCode::InvalidArgument, "an empty list allows no answer", at);
    std::string body;
    for (const std::string& option : options) body += (body.empty() ? "" : " | ") + option;
    return add(body);
  }

  std::string add(std::string body) {
    const auto [at, added] = names_.try_emplace(body, rules_.size());
    if (added) rules_.push_back(std::move(body));
    return "r" + std::to_string(at->second);
  }

  const json::value& document_;
  std::vector<std::string> rules_;
  std::map<std::string, std::size_t> names_;  ///< body to rule, so that equal ones are written once
  std::map<std::pair<std::string, Place>, std::string> references_;
};

}  // namespace

std::string gbnf_literal(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 0xFU];
    } else {
      out += c;
    }
  }
  return out += '"';
}

Result<std::string> grammar_from_schema(std::string_view schema) {
  if (schema.size() > kSchemaBytesMax) return fail(ErrorCode::InvalidArgument, "the schema is larger than 256 KiB");
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 3 * kDepthMax;
  const json::value document = json::parse(schema, error, {}, options);
  if (error) return fail(ErrorCode::InvalidArgument, "the schema is not JSON, or nested too deeply");
  return Translator(document).run();
}

std::string json_object_grammar() { return "root ::= object\n" + std::string(kCommonRules.substr(1)); }

}  // namespace suffice::engine
