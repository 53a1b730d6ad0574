#include "workflow/pattern.hpp"

#include <fmt/format.h>

namespace suffice::workflow {

policy::Pointer PatternBlock::place(std::string_view where) const {
  return where.empty() ? at_ : at_ + "/" + std::string(where);
}

policy::Fields PatternBlock::fields() const {
  boost::system::error_code none;
  return policy::Fields(of_.document.root().find_pointer(at_, none));
}

std::shared_ptr<const PortModel> PatternBlock::model(std::string_view role) const {
  const auto found = of_.models.find(role);
  return found == of_.models.end() ? nullptr : found->second;
}

std::shared_ptr<const PortModel> PatternBlock::model_named(const std::string& name, std::string_view where) {
  if (const auto role = of_.models.find(name); role != of_.models.end()) return role->second;
  Result<std::shared_ptr<const PortModel>> model = of_.parts.models(name);
  if (model) return *std::move(model);
  problem(where, describe(model.error()));
  return nullptr;
}

std::shared_ptr<const prompts::Prompt> PatternBlock::prompt(std::string_view key) {
  const std::string reference = fields().text(key);
  if (reference.empty()) return nullptr;
  std::shared_ptr<const prompts::Prompt> prompt =
      of_.parts.prompts == nullptr ? nullptr : of_.parts.prompts->find(reference);
  if (prompt == nullptr) {
    const std::vector<std::string> known =
        of_.parts.prompts == nullptr ? std::vector<std::string>() : of_.parts.prompts->references();
    problem(key, fmt::format("there is no prompt '{}'{}; prompts lie in the policy's prompt_dirs", reference,
                             policy::did_you_mean(reference, known)));
  }
  return prompt;
}

void PatternBlock::problem(std::string_view where, std::string message) {
  of_.problems.push_back(of_.document.at_value(place(where), std::move(message)));
}

}  // namespace suffice::workflow
