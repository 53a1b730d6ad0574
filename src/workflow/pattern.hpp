#pragma once
// Patterns by name: how a workflow file's `pattern: x` becomes a flow. Each pattern's author gives one Pattern.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/fields.hpp"
#include "policy/problem.hpp"
#include "policy/yaml_document.hpp"
#include "prompts/prompt.hpp"
#include "workflow/flow.hpp"
#include "workflow/model_port.hpp"

namespace suffice::workflow {

/// Gives the model of a policy name (or alias); an Error that says why there is none.
using ModelSource = std::function<Result<std::shared_ptr<const PortModel>>(const std::string& name)>;
using RoleModels = std::map<std::string, std::shared_ptr<const PortModel>, std::less<>>;

/// What workflow files are compiled with. All of it outlives the call only.
struct WorkflowParts {
  ModelSource models;
  const prompts::PromptLibrary* prompts = nullptr;  ///< null: no file may name a prompt
};

/// A pattern's block of a workflow file, as its reader sees it. It satisfies api/workflow.schema.json.
class PatternBlock {
 public:
  struct Of {
    std::string workflow;          ///< the workflow's name: the file's, without folder and ending
    std::filesystem::path folder;  ///< of the file; what relative paths are meant against
    const RoleModels& models;
    const WorkflowParts& parts;
    const policy::YamlDocument& document;
    std::vector<policy::Problem>& problems;
  };
  PatternBlock(Of of, policy::Pointer at) : of_(std::move(of)), at_(std::move(at)) {}

  /// The block's members; empty when the file has no such block.
  [[nodiscard]] policy::Fields fields() const;
  [[nodiscard]] const std::string& workflow() const { return of_.workflow; }
  [[nodiscard]] const std::filesystem::path& folder() const { return of_.folder; }
  /// The model that `models:` gives a role; null where it gives none (a needed role without one has been reported).
  [[nodiscard]] std::shared_ptr<const PortModel> model(std::string_view role) const;
  /// The model that the member at `where` (below the block: "tiers/0/model") names by its policy name, or null after a problem.
  std::shared_ptr<const PortModel> model_named(const std::string& name, std::string_view where);
  /// The prompt name@version that the member `key` names; null when the member is absent, or after a problem.
  std::shared_ptr<const prompts::Prompt> prompt(std::string_view key);
  /// A problem at the member `where` of the block; at the block itself when empty.
  void problem(std::string_view where, std::string message);

 private:
  [[nodiscard]] policy::Pointer place(std::string_view where) const;
  Of of_;
  policy::Pointer at_;
};

/// One pattern. `read` gives null exactly when it has reported a problem.
struct Pattern {
  std::string name;                        ///< also the key of its block
  std::vector<std::string> roles_needed;   ///< of `models:`
  std::vector<std::string> roles_allowed;  ///< besides those
  std::function<std::shared_ptr<const Flow>(PatternBlock&)> read;
  /// What `suffice run --plan-only` runs instead: a flow whose answer says what the real one is going to need. Empty: there is none.
  std::function<std::shared_ptr<const Flow>(PatternBlock&)> plan = {};
  /// What `suffice run NAME --demo` runs, with an empty request and no model. Empty: there is none.
  std::function<std::shared_ptr<const Flow>()> demo = {};
};

/// The patterns of this program. Adding one: its Pattern here, its block in api/workflow.schema.json.
[[nodiscard]] const std::vector<Pattern>& all_patterns();

}  // namespace suffice::workflow
