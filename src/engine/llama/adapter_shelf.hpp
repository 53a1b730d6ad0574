#pragma once
// LoRA adapters of one model: loaded, listed and dropped while calls are computed.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "engine/adapters.hpp"
#include "engine/llama/model.hpp"

struct llama_adapter_lora;

namespace suffice::engine {

class LlamaAdapter final : public LoadedAdapter {
 public:
  /// Takes over `handle`. `mutex` guards the model's own list of adapters.
  LlamaAdapter(llama_adapter_lora* handle, std::shared_ptr<std::mutex> mutex)
      : handle_(handle), mutex_(std::move(mutex)) {}
  ~LlamaAdapter() override;
  LlamaAdapter(const LlamaAdapter&) = delete;
  LlamaAdapter& operator=(const LlamaAdapter&) = delete;
  [[nodiscard]] llama_adapter_lora* handle() const { return handle_; }

 private:
  llama_adapter_lora* handle_;
  std::shared_ptr<std::mutex> mutex_;
};

/// Any thread. Calls that use an adapter keep it until they have ended, also when it is dropped or loaded anew meanwhile.
class LlamaAdapterShelf final : public AdapterShelf {
 public:
  /// `model` must outlive this and every set it has given out.
  explicit LlamaAdapterShelf(const Model& model) : model_(model) {}

  [[nodiscard]] Result<AdapterSet> resolve(const std::vector<wire::EngineAdapterUse>& uses) const override;
  Result<std::vector<wire::EngineAdapterFacts>> carry_out(const wire::EngineAdapterOrder& order) override;
  [[nodiscard]] std::vector<wire::EngineAdapterFacts> list() const;
  /// ModelInvalid says what is wrong with the file. A name that is in use is replaced.
  Result<void> load(const std::string& name, const std::string& path);

  static constexpr std::size_t kAdaptersMax = 64;

 private:
  struct Entry {
    std::shared_ptr<const LlamaAdapter> adapter;
    wire::EngineAdapterFacts facts;
    std::uint64_t number = 0;  ///< of the load, so that a new file under an old name has another key
  };

  const Model& model_;
  std::shared_ptr<std::mutex> library_mutex_ = std::make_shared<std::mutex>();
  mutable std::mutex mutex_;  ///< guards the two below
  std::map<std::string, Entry> entries_;
  std::uint64_t loads_ = 0;
};

}  // namespace suffice::engine
