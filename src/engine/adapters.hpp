#pragma once
// LoRA adapters as calls use them: a set of loaded ones, each with its scale.

#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::engine {

/// An adapter in memory. It stays there while anything holds it, also after it has been unloaded by name.
class LoadedAdapter {
 public:
  virtual ~LoadedAdapter() = default;
};

/// What acts on a call. Calls of one key may share a step and prompts read.
struct AdapterSet {
  struct Part {
    std::shared_ptr<const LoadedAdapter> adapter;
    float scale = 1;
  };
  std::string key;  ///< empty for the base; differs when a name has been loaded anew
  std::vector<Part> parts;
};

/// The adapters loaded, by name. Any thread.
class AdapterShelf {
 public:
  virtual ~AdapterShelf() = default;
  /// NotFound for a name that is not loaded, InvalidArgument for a scale that is no number within +-100.
  [[nodiscard]] virtual Result<AdapterSet> resolve(const std::vector<wire::EngineAdapterUse>& uses) const = 0;
  /// Carries out a gateway's order. ModelInvalid for a file that is no adapter of this model, NotFound for a name to unload.
  virtual Result<std::vector<wire::EngineAdapterFacts>> carry_out(const wire::EngineAdapterOrder& order) = 0;
};

}  // namespace suffice::engine
