#include "policy/adapters.hpp"

#include <fmt/format.h>

namespace suffice::policy {

std::vector<AdapterUse> adapters_in_force(const Model& model, const Task& task, const std::vector<AdapterUse>& own) {
  if (!own.empty()) return own;
  const std::string& name = model.adapters.contains(task.adapter) ? task.adapter : model.adapter;
  if (name.empty()) return {};
  return {{.name = name, .scale = model.adapter_scale}};
}

std::string describe(std::span<const AdapterUse> adapters) {
  if (adapters.size() == 1 && adapters.front().scale == 1) return adapters.front().name;
  std::string text;
  for (const AdapterUse& use : adapters)
    text += fmt::format("{}{} x {}", text.empty() ? "" : " + ", use.name, use.scale);
  return text;
}

}  // namespace suffice::policy
