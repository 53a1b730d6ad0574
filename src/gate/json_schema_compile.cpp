// Schema document -> Program. Every keyword's value is checked for its shape; what cannot be enforced is an error.

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "gate/json_pattern.hpp"
#include "gate/json_schema_document.hpp"
#include "gate/json_schema_program.hpp"
#include "wire/json.hpp"

namespace suffice::gate::schema {
namespace {

namespace bj = boost::json;

constexpr std::size_t kSchemaBytesMax = 1024UL * 1024;
constexpr std::int64_t kPatternBytesMax = 4L * 1024 * 1024;

constexpr std::array<std::pair<std::string_view, Type>, 7> kTypes = {{{"null", Null},
                                                                      {"boolean", Boolean},
                                                                      {"integer", Integer},
                                                                      {"number", Number},
                                                                      {"string", String},
                                                                      {"array", Array},
                                                                      {"object", Object}}};

std::unexpected<Error> refuse(std::string_view keyword, std::string_view message) {
  return fail(ErrorCode::InvalidArgument, fmt::format("{} {}", keyword, message));
}

/// Reads the keywords of one schema object into its node.
class Compiler {
 public:
  Compiler(Program& program, const Document& document) : program_(program), document_(document) {}

  Result<void> run() {
    node_for(program_.document);
    for (std::size_t next = 0; next < pending_.size(); ++next) {
      SUFFICE_TRY_VOID(compile(*pending_[next], program_.nodes[next]));
    }
    return {};
  }

 private:
  NodeId node_for(const bj::value& schema) {
    const auto [entry, added] = ids_.emplace(&schema, static_cast<NodeId>(program_.nodes.size()));
    if (added) {
      program_.nodes.emplace_back();
      pending_.push_back(&schema);
    }
    return entry->second;
  }

  Result<void> compile(const bj::value& schema, Node& node) {
    node.resource = *document_.resource_of(schema);
    if (schema.is_bool()) {
      node.refuses_all = !schema.get_bool();
      return {};
    }
    members_ = &schema.get_object();
    const bool draft7 = document_.resources()[static_cast<std::size_t>(node.resource)].draft == Draft7;
    if (draft7 && members_->contains("$ref")) return references(node);
    SUFFICE_TRY_VOID(values(node));
    SUFFICE_TRY_VOID(strings(node));
    SUFFICE_TRY_VOID(numbers(node));
    SUFFICE_TRY_VOID(arrays(node));
    SUFFICE_TRY_VOID(objects(node));
    SUFFICE_TRY_VOID(dependencies(node));
    applicators(node);
    return references(node);
  }

  [[nodiscard]] const bj::value* find(std::string_view keyword) const { return members_->if_contains(keyword); }

  NodeId schema_at(std::string_view keyword) {
    const bj::value* value = find(keyword);
    return value == nullptr ? kNone : node_for(*value);
  }

  std::vector<NodeId> schemas_at(std::string_view keyword) {
    std::vector<NodeId> ids;
    if (const bj::value* value = find(keyword)) {
      for (const bj::value& schema : value->get_array()) ids.push_back(node_for(schema));
    }
    return ids;
  }

  Result<void> values(Node& node) {
    if (const bj::value* type = find("type")) {
      const bj::array one{*type};
      for (const bj::value& name : type->is_array() ? type->get_array() : one) {
        const auto* known = std::ranges::find_if(
            kTypes, [&](const auto& row) { return name.is_string() && name.get_string() == row.first; });
        if (known == kTypes.end()) return refuse("type", "names no JSON type");
        node.types |= known->second;
      }
      if (node.types == 0) return refuse("type", "is empty");
    }
    node.constant = find("const");
    if (const bj::value* allowed = find("enum")) {
      if (!allowed->is_array()) return refuse("enum", "is not an array");
      node.allowed = &allowed->get_array();
    }
    node.empty_string_allowed = node.constant != nullptr || node.allowed != nullptr;
    return {};
  }

  Result<void> strings(Node& node) {
    SUFFICE_TRY(node.length, counts("minLength", "maxLength"));
    if (find("minLength") != nullptr && node.length->min == 0) node.empty_string_allowed = true;
    if (const bj::value* pattern = find("pattern")) {
      if (!pattern->is_string()) return refuse("pattern", "is not a string");
      SUFFICE_TRY(node.pattern, regex("pattern", pattern->get_string()));
    }
    return {};
  }

  static Result<std::shared_ptr<const RE2>> regex(std::string_view keyword, std::string_view ecma) {
    auto expression = re2_expression(ecma);
    if (!expression) return refuse(keyword, expression.error().message);
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kPatternBytesMax);
    auto compiled = std::make_shared<const RE2>(*expression, options);
    if (!compiled->ok())
      return refuse(keyword,
                    "is not a regular expression that runs in linear time (" + std::string(reason_of(*compiled)) + ")");
    return compiled;
  }

  static std::string_view reason_of(const RE2& pattern) {
    switch (pattern.error_code()) {
      case RE2::ErrorPatternTooLarge:
        return "too large";
      case RE2::ErrorRepeatSize:
        return "a repetition is over 1000";
      case RE2::ErrorBadCharRange:
        return "bad character range";
      case RE2::ErrorMissingParen:
        return "missing parenthesis";
      case RE2::ErrorMissingBracket:
        return "missing bracket";
      default:
        return "syntax";
    }
  }

  Result<void> numbers(Node& node) {
    SUFFICE_TRY(node.minimum, number("minimum"));
    SUFFICE_TRY(node.maximum, number("maximum"));
    SUFFICE_TRY(node.minimum_exclusive, number("exclusiveMinimum"));
    SUFFICE_TRY(node.maximum_exclusive, number("exclusiveMaximum"));
    SUFFICE_TRY(const auto multiple, number("multipleOf"));
    if (!multiple) return {};
    if (*multiple <= 0) return refuse("multipleOf", "is not above 0");
    node.multiple_of = static_cast<double>(*multiple);
    return {};
  }

  Result<std::optional<long double>> number(std::string_view keyword) {
    const bj::value* value = find(keyword);
    if (value == nullptr) return std::optional<long double>{};
    if (!value->is_number()) return refuse(keyword, "is not a number");
    if (value->is_double()) return std::optional<long double>(value->get_double());
    if (value->is_uint64()) return std::optional<long double>(value->get_uint64());
    return std::optional<long double>(value->get_int64());
  }

  Result<std::optional<std::uint64_t>> count(std::string_view keyword) {
    SUFFICE_TRY(const auto value, number(keyword));
    if (!value) return std::optional<std::uint64_t>{};
    if (*value < 0 || *value != std::floor(*value)) return refuse(keyword, "is not a whole number from 0 up");
    if (*value >= 0x1p63L) return std::optional<std::uint64_t>(UINT64_MAX);
    return std::optional<std::uint64_t>(static_cast<std::uint64_t>(*value));
  }

  Result<std::optional<Counts>> counts(std::string_view least, std::string_view most) {
    SUFFICE_TRY(const auto min, count(least));
    SUFFICE_TRY(const auto max, count(most));
    if (!min && !max) return std::optional<Counts>{};
    return std::optional<Counts>(Counts{.min = min.value_or(0), .max = max.value_or(UINT64_MAX)});
  }

  Result<void> arrays(Node& node) {
    node.prefix_items = schemas_at("prefixItems");
    const bj::value* items = find("items");
    if (items != nullptr && items->is_array()) {
      if (!node.prefix_items.empty()) return refuse("items", "is a list beside prefixItems");
      node.prefix_items = schemas_at("items");
      node.items = schema_at("additionalItems");
    } else {
      node.items = schema_at("items");
    }
    node.contains = schema_at("contains");
    SUFFICE_TRY(const auto contains_min, count("minContains"));
    SUFFICE_TRY(const auto contains_max, count("maxContains"));
    node.contains_count = Counts{.min = contains_min.value_or(1), .max = contains_max.value_or(UINT64_MAX)};
    SUFFICE_TRY(node.item_count, counts("minItems", "maxItems"));
    if (const bj::value* unique = find("uniqueItems")) {
      if (!unique->is_bool()) return refuse("uniqueItems", "is not true or false");
      node.unique_items = unique->get_bool();
    }
    node.unevaluated_items = schema_at("unevaluatedItems");
    return {};
  }

  Result<void> objects(Node& node) {
    if (const bj::value* properties = find("properties")) {
      for (const auto& member : properties->get_object())
        node.properties.emplace(member.key(), node_for(member.value()));
    }
    if (const bj::value* patterns = find("patternProperties")) {
      for (const auto& member : patterns->get_object()) {
        SUFFICE_TRY(auto pattern, regex("patternProperties", member.key()));
        node.pattern_properties.push_back(PatternNode{.pattern = std::move(pattern), .node = node_for(member.value())});
      }
    }
    node.additional_properties = schema_at("additionalProperties");
    node.property_names = schema_at("propertyNames");
    if (const bj::value* required = find("required")) {
      SUFFICE_TRY(node.required, names("required", *required));
    }
    SUFFICE_TRY(node.property_count, counts("minProperties", "maxProperties"));
    node.unevaluated_properties = schema_at("unevaluatedProperties");
    return {};
  }

  static Result<std::vector<std::string>> names(std::string_view keyword, const bj::value& value) {
    std::vector<std::string> out;
    if (!value.is_array()) return refuse(keyword, "is not an array of names");
    for (const bj::value& name : value.get_array()) {
      if (!name.is_string()) return refuse(keyword, "is not an array of names");
      out.emplace_back(name.get_string());
    }
    return out;
  }

  Result<void> dependencies(Node& node) {
    for (const std::string_view keyword : {"dependentRequired", "dependencies"}) {
      const bj::value* value = find(keyword);
      if (value == nullptr) continue;
      if (!value->is_object()) return refuse(keyword, "is not an object");
      for (const auto& member : value->get_object()) {
        if (keyword == "dependencies" && !member.value().is_array()) {
          node.dependent_schemas.emplace_back(member.key(), node_for(member.value()));
          continue;
        }
        SUFFICE_TRY(auto needed, names(keyword, member.value()));
        node.dependent_required.emplace_back(member.key(), std::move(needed));
      }
    }
    if (const bj::value* schemas = find("dependentSchemas")) {
      for (const auto& member : schemas->get_object())
        node.dependent_schemas.emplace_back(member.key(), node_for(member.value()));
    }
    return {};
  }

  void applicators(Node& node) {
    node.all_of = schemas_at("allOf");
    node.any_of = schemas_at("anyOf");
    node.one_of = schemas_at("oneOf");
    node.none_of = schema_at("not");
    node.if_node = schema_at("if");
    node.then_node = schema_at("then");
    node.else_node = schema_at("else");
  }

  Result<void> references(Node& node) {
    for (const std::string_view keyword : {"$ref", "$dynamicRef"}) {
      const bj::value* value = find(keyword);
      if (value == nullptr) continue;
      if (!value->is_string()) return refuse(keyword, "is not a string");
      auto target = document_.resolve(node.resource, value->get_string());
      if (!target)
        return refuse(keyword, fmt::format("'{}': {}", std::string_view(value->get_string()), target.error().message));
      const NodeId id = node_for(*target->schema);
      if (keyword == "$ref") {
        node.ref = id;
      } else {
        node.dynamic_ref = id;
        dynamic_name(node, *target);
      }
    }
    return {};
  }

  /// A $dynamicRef whose target is a $dynamicAnchor may land at any anchor of that name in the dynamic scope.
  void dynamic_name(Node& node, const Document::Target& target) {
    const auto& homes = document_.resources();
    const auto& home = homes[static_cast<std::size_t>(*document_.resource_of(*target.schema))];
    const auto own = home.dynamic_anchors.find(target.fragment);
    if (own == home.dynamic_anchors.end() || own->second != target.schema) return;
    node.dynamic_name = target.fragment;
    for (std::size_t i = 0; i < homes.size(); ++i) {
      const auto anchor = homes[i].dynamic_anchors.find(target.fragment);
      if (anchor == homes[i].dynamic_anchors.end()) continue;
      program_.dynamic_anchors[{static_cast<std::int32_t>(i), target.fragment}] = node_for(*anchor->second);
    }
  }

  Program& program_;
  const Document& document_;
  const bj::object* members_ = nullptr;
  std::unordered_map<const bj::value*, NodeId> ids_;
  std::vector<const bj::value*> pending_;  ///< by node number
};

}  // namespace

Result<std::unique_ptr<const Program>> compile(std::string_view schema_text) {
  auto program = std::make_unique<Program>();
  auto parsed = wire::parse_json(schema_text, wire::JsonLimits{.bytes_max = kSchemaBytesMax});
  if (!parsed)
    return fail(ErrorCode::InvalidArgument, "the schema is not JSON: " + parsed.error().message, parsed.error().where);
  program->document = *std::move(parsed);
  SUFFICE_TRY(const Document document, Document::scan(program->document));
  SUFFICE_TRY_VOID(Compiler(*program, document).run());
  return program;
}

}  // namespace suffice::gate::schema
