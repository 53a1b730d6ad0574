#include "workflow/patterns/cascade_flow/cascade_pattern.hpp"

#include <utility>

#include <boost/json.hpp>

#include "core/hash.hpp"
#include "policy/fields.hpp"
#include "wire/json.hpp"

namespace suffice::workflow {
namespace {

policy::Task read_task(const PatternBlock& block, const policy::Fields& fields, const prompts::Prompt* prompt) {
  policy::Task task;
  task.name = block.workflow();
  task.labels = fields.texts("labels");
  if (task.labels.empty() && prompt != nullptr && prompt->parser == prompts::Parser::Label) {
    for (const prompts::Category& category : prompt->categories) task.labels.push_back(category.label);
  }
  task.escalate_labels = fields.texts("escalate_labels");
  if (const boost::json::value* schema = fields.find("schema")) task.schema = wire::to_json_text(*schema);
  task.regex = fields.text("matches");
  task.min_confidence = fields.number("min_confidence");
  if (task.min_confidence) {
    task.confidence =
        task.labels.empty() ? policy::ConfidenceSignal::MeanLogprob : policy::ConfidenceSignal::LabelProbability;
  }
  task.max_output_tokens = fields.integer("max_tokens", task.max_output_tokens);
  return task;
}

std::shared_ptr<const Flow> read_block(PatternBlock& block) {
  const policy::Fields fields = block.fields();
  auto setup = std::make_shared<CascadeSetup>();
  setup->system = fields.text("system");
  setup->prompt = block.prompt("prompt");
  if (fields.has("prompt") && setup->prompt == nullptr) return nullptr;
  policy::Task task = read_task(block, fields, setup->prompt.get());
  if (!task.labels.empty() && !task.schema.empty()) {
    block.problem("schema", "an answer is a label or JSON, not both");
    return nullptr;
  }
  for (const char* role : {"worker", "middle", "frontier"}) {
    std::shared_ptr<const PortModel> model = block.model(role);
    if (model == nullptr) continue;
    task.tiers.push_back(policy::Tier{.model = model->model.name, .prompt = {}});
    setup->rungs.push_back({.role = role, .model = std::move(model)});
  }
  Result<gate::GateRules> rules = gate::compile_rules(policy::Policy{}, task);
  if (!rules) {
    block.problem("", describe(rules.error()));
    return nullptr;
  }
  setup->rules = *std::move(rules);
  const std::string written = wire::canonical_json(boost::json::value(fields.object()));
  const std::string version = sha256_hex(written + (setup->prompt == nullptr ? "" : setup->prompt->digest));
  Result<std::shared_ptr<const Flow>> flow = cascade_flow(setup, block.workflow(), version);
  if (flow) return *std::move(flow);
  block.problem("", flow.error().message);
  return nullptr;
}

}  // namespace

Pattern cascade_pattern() {
  return Pattern{
      .name = "cascade", .roles_needed = {"worker", "frontier"}, .roles_allowed = {"middle"}, .read = read_block};
}

}  // namespace suffice::workflow
