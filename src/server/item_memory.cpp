#include "server/item_memory.hpp"

#include <iterator>
#include <utility>

namespace suffice::server {

void ItemMemory::keep(std::string id, std::string json) {
  const SteadyTime now = clock_.steady_now();
  const std::lock_guard lock(mutex_);
  forget_old(now);
  if (const auto again = by_id_.find(id); again != by_id_.end()) forget(again->second);
  kept_.push_back(Kept{.id = std::move(id), .json = std::move(json), .since = now});
  bytes_ += kept_.back().bytes();
  by_id_.emplace(kept_.back().id, std::prev(kept_.end()));
  while (bytes_ > limits_.bytes_max) forget(kept_.begin());
}

std::optional<std::string> ItemMemory::find(std::string_view id) {
  const std::lock_guard lock(mutex_);
  forget_old(clock_.steady_now());
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  return found->second->json;
}

void ItemMemory::forget_old(SteadyTime now) {
  while (!kept_.empty() && now - kept_.front().since > limits_.age_max) forget(kept_.begin());
}

void ItemMemory::forget(std::list<Kept>::iterator one) {
  bytes_ -= one->bytes();
  by_id_.erase(one->id);
  kept_.erase(one);
}

}  // namespace suffice::server
