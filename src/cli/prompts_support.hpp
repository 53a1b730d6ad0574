#pragma once
// What the subcommands of `suffice prompts` share: which prompts, which model, one asked question.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"
#include "core/chat.hpp"
#include "core/result.hpp"
#include "policy/policy.hpp"
#include "prompts/prompt.hpp"
#include "prompts/render.hpp"

namespace suffice::cli {

/// Flags of every subcommand of `suffice prompts`.
struct PromptFlags {
  std::vector<std::string> folders;  ///< --prompts; empty: those of the policy
  std::string policy;
  bool json = false;
};
void add_prompt_flags(CLI::App& command, PromptFlags& flags);

/// The policy named by the flags. PolicyInvalid with every problem, one a line.
[[nodiscard]] Result<std::shared_ptr<const policy::Policy>> load_policy_of(const PromptFlags& flags);
/// The folders of prompts named by the flags, or those of the policy.
[[nodiscard]] Result<std::vector<std::filesystem::path>> folders_of(const PromptFlags& flags);
[[nodiscard]] Result<prompts::PromptLibrary> load_library(const PromptFlags& flags);

/// Prompts by "name@version" or "name" (its latest version); all when `names` is empty. NotFound with the next step.
[[nodiscard]] Result<std::vector<std::shared_ptr<const prompts::Prompt>>> choose_prompts(
    const prompts::PromptLibrary& library, const std::vector<std::string>& names);

/// A model of the policy, ready to be asked. One thread. Destroying it ends an engine it started.
class PromptModel {
 public:
  /// NotFound for a name the policy does not have; the model's own error when it cannot be used.
  static Result<std::unique_ptr<PromptModel>> open(std::shared_ptr<const policy::Policy> policy,
                                                   const std::string& name);
  ~PromptModel();
  PromptModel(const PromptModel&) = delete;
  PromptModel& operator=(const PromptModel&) = delete;

  struct Answer {
    Completion completion;
    prompts::Rendered sent;  ///< prompt_tokens: as the model counted them, where it says
  };
  /// The answer to `prompt` rendered around `input`, constrained to its labels, or its schema with the spans of the input where the
  /// model is local. Shortened, as the prompt allows, by the tokens that an embedded model counts.
  [[nodiscard]] Result<Answer> ask(const prompts::Prompt& prompt, const std::string& input);
  /// Context of the model; for one of 0 nothing is checked.
  [[nodiscard]] prompts::RenderBudget budget(const prompts::Prompt& prompt) const;

 private:
  struct Impl;
  explicit PromptModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The subcommands; each adds itself to `prompts`.
void add_prompts_list(CLI::App& prompts, Command& chosen);
void add_prompts_show(CLI::App& prompts, Command& chosen);
void add_prompts_lint(CLI::App& prompts, Command& chosen);
void add_prompts_lock(CLI::App& prompts, Command& chosen);
void add_prompts_test(CLI::App& prompts, Command& chosen);
void add_prompts_diff(CLI::App& prompts, Command& chosen);
void add_prompts_reduce(CLI::App& prompts, Command& chosen);
void add_prompts_spans(CLI::App& prompts, Command& chosen);

}  // namespace suffice::cli
