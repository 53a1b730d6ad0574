#include "server/model_lists.hpp"

#include <algorithm>

#include "wire/openai_chat.hpp"

namespace suffice::server {

std::vector<std::string> model_names(const policy::Policy& policy) {
  std::vector<std::string> names{"suffice/auto"};
  for (const auto& [name, task] : policy.tasks) names.push_back("suffice/" + name);
  return names;
}

std::string openai_model_list(const policy::Policy& policy, std::int64_t created) {
  std::vector<wire::ModelListing> models;
  for (std::string& name : model_names(policy))
    models.push_back({.id = std::move(name), .created = created, .owned_by = "suffice"});
  return wire::encode_openai_models(models);
}

Result<std::string> openai_model(const policy::Policy& policy, std::int64_t created, std::string_view id) {
  const std::vector<std::string> names = model_names(policy);
  if (std::ranges::find(names, id) == names.end())
    return fail(ErrorCode::NotFound, "no such model; GET /v1/models lists them", "model");
  return wire::encode_openai_model({.id = std::string(id), .created = created, .owned_by = "suffice"});
}

}  // namespace suffice::server
