#include "workflow/workflow_file.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "policy/fields.hpp"
#include "policy/read_file.hpp"
#include "policy/schema_check.hpp"
#include "policy/yaml_document.hpp"
#include "workflow/graph_file/graph_reader.hpp"
#include "workflow/workflow_schema.hpp"

namespace suffice::workflow {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using policy::Fields;
using policy::Problem;
using policy::YamlDocument;

constexpr std::size_t kFileBytesMax = 1U << 20;
constexpr std::size_t kDepthMax = 8;
constexpr std::array<std::string_view, 6> kGraphKeys = {"start", "executors", "edges", "fan_out", "fan_in", "loops"};

const policy::SchemaCheck& workflow_schema() {
  static const policy::SchemaCheck kSchema(workflow_schema_text());
  return kSchema;
}

WorkflowBudget read_budget(const Fields& fields) {
  WorkflowBudget budget;
  if (const std::optional<double> usd = fields.number("usd")) budget.limits.cost_max = Usd::from_dollars(*usd);
  budget.limits.calls_max = fields.integer("calls", budget.limits.calls_max);
  budget.limits.tokens_max = fields.integer("tokens", budget.limits.tokens_max);
  budget.steps_max = static_cast<std::size_t>(fields.integer("steps", static_cast<std::int64_t>(budget.steps_max)));
  budget.time = fields.duration("time", budget.time);
  return budget;
}

/// Reads one file; files that it includes are read the same way, `including` deep.
class Reader {
 public:
  Reader(fs::path file, const WorkflowParts& parts, std::vector<fs::path> including)
      : file_(std::move(file)), parts_(parts), including_(std::move(including)) {
    including_.push_back(file_.lexically_normal());
  }

  LoadedWorkflow read(std::string_view yaml) {
    const YamlDocument document = YamlDocument::parse(yaml, file_.string(), problems_);
    if (problems_.empty() && document.root().is_null())
      problems_.push_back({file_.string(), 0, 0, "", "the file is empty; docs/workflows.md shows whole ones"});
    if (problems_.empty()) workflow_schema().check(document, problems_);
    if (problems_.empty()) compile(document);
    policy::sort_by_place(problems_);
    LoadedWorkflow loaded{.workflow = nullptr, .problems = std::move(problems_)};
    if (loaded.problems.empty()) loaded.workflow = std::make_shared<const Workflow>(std::move(workflow_));
    return loaded;
  }

 private:
  void compile(const YamlDocument& document) {
    const Fields root(&document.root());
    workflow_.name = file_.stem().string();
    workflow_.description = root.text("description");
    workflow_.pattern = root.text("pattern");
    workflow_.budget = read_budget(root.below("budget"));
    read_models(document, root);
    const PatternBlock::Of of{.workflow = workflow_.name,
                              .folder = file_.parent_path(),
                              .models = workflow_.models,
                              .parts = parts_,
                              .document = document,
                              .problems = problems_};
    if (workflow_.pattern.empty()) {
      read_own_graph(of, root);
    } else {
      read_pattern(of, root);
    }
  }

  void read_models(const YamlDocument& document, const Fields& root) {
    for (const auto& member : root.below("models").object()) {
      Result<std::shared_ptr<const PortModel>> model = parts_.models(std::string(member.value().as_string()));
      if (model) {
        workflow_.models.emplace(std::string(member.key()), *std::move(model));
      } else {
        problems_.push_back(
            document.at_value(policy::child("/models", std::string_view(member.key())), describe(model.error())));
      }
    }
  }

  void read_own_graph(const PatternBlock::Of& of, const Fields& root) {
    if (!root.has("executors")) {
      problems_.push_back(of.document.at_value("", "a workflow has a pattern, or executors of its own"));
      return;
    }
    workflow_.flow =
        read_graph(of, [&](const std::string& name, const policy::Pointer& at) { return sub_flow(of, name, at); });
  }

  void read_pattern(const PatternBlock::Of& of, const Fields& root) {
    for (const std::string_view key : kGraphKeys) {
      if (root.has(key))
        problems_.push_back(
            of.document.at_key(policy::child("", key), "a pattern makes its own graph; take this out, or the pattern"));
    }
    const auto found = std::ranges::find(all_patterns(), workflow_.pattern, &Pattern::name);
    if (found == all_patterns().end()) {
      problems_.push_back(of.document.at_value("/pattern", "this program does not have this pattern"));
      return;
    }
    for (const Pattern& other : all_patterns()) {
      if (other.name != found->name && root.has(other.name))
        problems_.push_back(of.document.at_key(
            policy::child("", other.name), fmt::format("settings of another pattern; this one is {}", found->name)));
    }
    check_roles(of, *found);
    if (!problems_.empty()) return;
    PatternBlock block(of, policy::child("", found->name));
    workflow_.flow = found->read(block);
    if (workflow_.flow != nullptr && found->plan) workflow_.plan = found->plan(block);
    if (workflow_.flow == nullptr && problems_.empty())
      problems_.push_back(of.document.at_value("/pattern", "the pattern could not be made, and did not say why"));
  }

  void check_roles(const PatternBlock::Of& of, const Pattern& pattern) {
    std::vector<std::string> roles = pattern.roles_needed;
    roles.insert(roles.end(), pattern.roles_allowed.begin(), pattern.roles_allowed.end());
    const Fields models = Fields(&of.document.root()).below("models");
    for (const std::string& role : pattern.roles_needed) {
      if (!models.has(role))
        problems_.push_back(
            of.document.at_value(models.object().empty() ? "/pattern" : "/models",
                                 fmt::format("the pattern {} needs a model for the role {}", pattern.name, role)));
    }
    for (const auto& member : models.object()) {
      const std::string role(member.key());
      if (std::ranges::find(roles, role) == roles.end())
        problems_.push_back(of.document.at_key(
            policy::child("/models", role),
            fmt::format("the pattern {} has no such role{}", pattern.name, policy::did_you_mean(role, roles))));
    }
  }

  std::shared_ptr<const Flow> sub_flow(const PatternBlock::Of& of, const std::string& name, const policy::Pointer& at) {
    const fs::path file = (of.folder / name).lexically_normal();
    if (std::ranges::find(including_, file) != including_.end() || including_.size() >= kDepthMax) {
      problems_.push_back(of.document.at_value(at, including_.size() >= kDepthMax
                                                       ? "workflows within workflows, too deep"
                                                       : "a workflow that includes itself would never end"));
      return nullptr;
    }
    const Result<std::string> yaml = policy::read_file(file, kFileBytesMax);
    if (!yaml) {
      problems_.push_back(of.document.at_value(at, fmt::format("{}: {}", file.string(), describe(yaml.error()))));
      return nullptr;
    }
    LoadedWorkflow inner = Reader(file, parts_, including_).read(*yaml);
    problems_.insert(problems_.end(), inner.problems.begin(), inner.problems.end());
    return inner.workflow ? inner.workflow->flow : nullptr;
  }

  fs::path file_;
  const WorkflowParts& parts_;
  std::vector<fs::path> including_;
  std::vector<Problem> problems_;
  Workflow workflow_;
};

}  // namespace

LoadedWorkflow parse_workflow(std::string_view yaml, const fs::path& file, const WorkflowParts& parts) {
  return Reader(file, parts, {}).read(yaml);
}

LoadedWorkflow load_workflow(const fs::path& file, const WorkflowParts& parts) {
  const Result<std::string> yaml = policy::read_file(file, kFileBytesMax);
  if (yaml) return parse_workflow(*yaml, file, parts);
  return {.workflow = nullptr, .problems = {{file.string(), 0, 0, "", describe(yaml.error())}}};
}

FlowOptions options_for(const Workflow& workflow, RunLedger& ledger, Deadline deadline, SteadyTime now) {
  FlowOptions options;
  options.steps_max = workflow.budget.steps_max;
  options.deadline = deadline.shortened_to(workflow.budget.time, now);
  options.ledger = &ledger;
  return options;
}

}  // namespace suffice::workflow
