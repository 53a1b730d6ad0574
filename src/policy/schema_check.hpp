#pragma once
// SchemaCheck: says in a person's words where a YAML document breaks a JSON Schema of api/.
// Internal to the file-reading modules (policy, prompts).

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "policy/problem.hpp"
#include "policy/yaml_document.hpp"

namespace suffice::policy {

/// A schema of our own (draft-07, local references only). Immutable; any thread.
///
/// The words come from a walk over the schema, which knows the keywords that the schemas of api/ use and their
/// `x-advice` texts; a document without complaint is then put before valijson, whose verdict stands.
class SchemaCheck {
 public:
  /// Throws std::logic_error when `schema_text` is no schema: it is a part of this program.
  explicit SchemaCheck(std::string_view schema_text);
  ~SchemaCheck();
  SchemaCheck(const SchemaCheck&) = delete;
  SchemaCheck& operator=(const SchemaCheck&) = delete;

  /// Appends every problem of `document`. Returns whether there was none.
  bool check(const YamlDocument& document, std::vector<Problem>& problems) const;

  /// What valijson alone says.
  [[nodiscard]] bool valid(const boost::json::value& value) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The schema of policy files and the one of prompt files, compiled at first use.
[[nodiscard]] const SchemaCheck& policy_schema();
[[nodiscard]] const SchemaCheck& prompt_schema();

/// Why `schema` (a JSON Schema a user wrote) cannot be enforced; nothing when it can.
[[nodiscard]] std::optional<std::string> schema_defect(const boost::json::value& schema);

}  // namespace suffice::policy
