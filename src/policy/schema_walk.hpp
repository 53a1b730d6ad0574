#pragma once
// Walks a document along a JSON Schema and words every mismatch. Internal to schema_check.cpp.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "policy/yaml_document.hpp"

namespace re2 {
class RE2;
}

namespace suffice::policy {

/// Knows: $ref (#/definitions/...), allOf, anyOf, type, const, enum, properties, additionalProperties, required,
/// propertyNames, minProperties, items, minItems, maxItems, minimum, maximum, minLength, maxLength, pattern (as RE2).
/// `x-advice` beside a keyword replaces the general words of what to do. The references outlive the call only.
class SchemaWalk {
 public:
  SchemaWalk(const boost::json::value& schema, const YamlDocument& document, std::vector<Problem>& problems);
  ~SchemaWalk();

  void run() { check(root_, document_.root(), Pointer()); }

 private:
  void check(const boost::json::value& schema, const boost::json::value& value, const Pointer& at);
  bool check_type(const boost::json::object& schema, const boost::json::value& value, const Pointer& at);
  void check_choices(const boost::json::object& schema, const boost::json::value& value, const Pointer& at);
  void check_any_of(const boost::json::object& schema, const boost::json::value& value, const Pointer& at);
  void check_number(const boost::json::object& schema, const boost::json::value& value, const Pointer& at);
  void check_text(const boost::json::object& schema, std::string_view text, const Pointer& at);
  void check_list(const boost::json::object& schema, const boost::json::array& list, const Pointer& at);
  void check_mapping(const boost::json::object& schema, const boost::json::object& mapping, const Pointer& at);
  void check_name(const boost::json::object& schema, std::string_view name, const Pointer& at);
  void unknown_key(const boost::json::object* properties, std::string_view key, const Pointer& at);

  /// Whether `pattern` matches somewhere in `text`. Compiled once a walk: a policy of forty keys asks a thousand times.
  bool matches(std::string_view text, std::string_view pattern);
  [[nodiscard]] const boost::json::value& resolve(const boost::json::value& schema) const;
  void say(const boost::json::object& schema, const Pointer& at, std::string message);

  const boost::json::value& root_;
  const YamlDocument& document_;
  std::vector<Problem>& problems_;
  std::map<std::string, std::unique_ptr<re2::RE2>, std::less<>> patterns_;
};

}  // namespace suffice::policy
