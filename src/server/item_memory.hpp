#pragma once
// Output items of recent answers: clients of the Responses dialect that believe in stored answers refer to them by id.

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"

namespace suffice::server {

struct ItemMemoryLimits {
  std::size_t bytes_max = 16UL * 1024 * 1024;  ///< of ids and items; the oldest goes first
  std::chrono::minutes age_max{30};            ///< a tool loop takes seconds, a person's turn minutes
};

/// In memory of this process only, never on a disk (decisions/0020). Any thread. Ids must not be guessable: who knows one reads its item.
class ItemMemory {
 public:
  explicit ItemMemory(const Clock& clock, ItemMemoryLimits limits = {}) : clock_(clock), limits_(limits) {}
  /// An item over the whole limit is not kept.
  void keep(std::string id, std::string json);
  [[nodiscard]] std::optional<std::string> find(std::string_view id);

 private:
  struct Kept {
    std::string id;
    std::string json;
    SteadyTime since;
    [[nodiscard]] std::size_t bytes() const { return id.size() + json.size(); }
  };
  void forget_old(SteadyTime now);
  void forget(std::list<Kept>::iterator one);

  const Clock& clock_;
  const ItemMemoryLimits limits_;
  std::mutex mutex_;
  std::list<Kept> kept_;  ///< oldest first
  std::map<std::string_view, std::list<Kept>::iterator> by_id_;
  std::size_t bytes_ = 0;
};

}  // namespace suffice::server
