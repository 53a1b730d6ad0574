// suite.yaml: by its schema, then into values.

#include <optional>

#include <boost/json.hpp>

#include "lab/suites/suite_files.hpp"
#include "lab/suites/suite_schema.hpp"
#include "policy/fields.hpp"
#include "policy/schema_check.hpp"
#include "policy/yaml_document.hpp"

namespace suffice::lab {
namespace {

using policy::Fields;

const policy::SchemaCheck& suite_schema() {
  static const policy::SchemaCheck schema(suite_schema_text());
  return schema;
}

/// A share, nothing for `off`, the default when the file says nothing.
std::optional<double> share(const Fields& gates, std::string_view key, std::optional<double> usual) {
  if (!gates.has(key)) return usual;
  return gates.number(key);
}

ReleaseGates read_gates(const Fields& fields) {
  ReleaseGates gates;
  gates.json_validity = share(fields, "json_validity", gates.json_validity);
  gates.label_accuracy = share(fields, "label_accuracy", gates.label_accuracy);
  gates.accepted = share(fields, "accepted", gates.accepted);
  gates.hard_stops = fields.text("false_accepts_on_hard_stops") != "off";
  gates.kill_switch = fields.text("kill_switch") != "off";
  gates.confidence = fields.number("confidence").value_or(gates.confidence);
  gates.by = fields.text("by") == "bound" ? GateBy::Bound : GateBy::Estimate;
  return gates;
}

}  // namespace

Suite read_suite_yaml(std::string_view yaml, const std::string& file, std::vector<policy::Problem>& problems) {
  const std::size_t before = problems.size();
  const policy::YamlDocument document = policy::YamlDocument::parse(yaml, file, problems);
  Suite suite;
  if (problems.size() == before && document.root().is_null()) {
    problems.push_back({file, 0, 0, "", "the file is empty; docs/evaluation.md shows a whole one"});
  }
  if (document.root().is_null() || !suite_schema().check(document, problems)) return suite;
  const Fields fields(&document.root());
  suite.task = fields.text("task");
  suite.description = fields.text("description");
  suite.policy = fields.text("policy");
  suite.provenance = fields.text("provenance");
  suite.licence = fields.text("licence");
  suite.gates = read_gates(fields.below("gates"));
  return suite;
}

}  // namespace suffice::lab
