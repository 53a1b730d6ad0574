#include "engine/llama/adapter_shelf.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>
#include <utility>

#include <ggml.h>
#include <gguf.h>
#include <llama.h>

#include "core/clock.hpp"
#include "engine/llama/library.hpp"
#include "engine/llama/mapped_file.hpp"

namespace suffice::engine {
namespace {

std::unexpected<Error> invalid(const std::string& what, const std::string& name) {
  return fail(ErrorCode::ModelInvalid, "the adapter cannot be loaded: " + what, "adapters." + name);
}

/// A GGUF's header, without its tensors' data.
class Header {
 public:
  explicit Header(const std::string& path) {
    gguf_ = gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = &tensors_});
  }
  ~Header() {
    if (gguf_ != nullptr) gguf_free(gguf_);
    if (tensors_ != nullptr) ggml_free(tensors_);
  }
  Header(const Header&) = delete;
  Header& operator=(const Header&) = delete;

  [[nodiscard]] bool readable() const { return gguf_ != nullptr; }
  [[nodiscard]] std::string text(const char* key) const {
    const std::int64_t id = gguf_find_key(gguf_, key);
    if (id < 0 || gguf_get_kv_type(gguf_, id) != GGUF_TYPE_STRING) return {};
    return gguf_get_val_str(gguf_, id);
  }
  void count(wire::EngineAdapterFacts& facts) const {
    for (ggml_tensor* t = ggml_get_first_tensor(tensors_); t != nullptr; t = ggml_get_next_tensor(tensors_, t)) {
      facts.parameters += static_cast<std::uint64_t>(ggml_nelements(t));
      const std::string_view name = t->name;
      if (name.ends_with(".lora_a")) facts.rank = std::max(facts.rank, static_cast<std::uint32_t>(t->ne[1]));
    }
  }

 private:
  gguf_context* gguf_ = nullptr;
  ggml_context* tensors_ = nullptr;
};

/// What the library's loader does not say, or says in words nobody understands.
Result<void> check(const Header& header, const Model& model, const std::string& name) {
  if (!header.readable()) return invalid("it is not a readable GGUF file", name);
  const std::string type = header.text("general.type");
  if (type != "adapter" || header.text("adapter.type") != "lora") {
    return invalid("it is a " + (type.empty() ? std::string("GGUF without a type") : type) + ", not a LoRA adapter",
                   name);
  }
  const std::string architecture = header.text("general.architecture");
  if (architecture != model.facts().architecture) {
    return invalid(
        "it was made for the architecture " + architecture + " and the model is " + model.facts().architecture, name);
  }
  return {};
}

std::uint64_t microseconds_since(SteadyTime start) {
  const auto span = std::chrono::steady_clock::now() - start;
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(span).count());
}

constexpr double kScaleMax = 100;

}  // namespace

LlamaAdapter::~LlamaAdapter() {
  const std::lock_guard lock(*mutex_);
  llama_adapter_lora_free(handle_);
}

Result<AdapterSet> LlamaAdapterShelf::resolve(const std::vector<wire::EngineAdapterUse>& uses) const {
  AdapterSet set;
  if (uses.empty()) return set;
  const std::lock_guard lock(mutex_);
  for (const wire::EngineAdapterUse& use : uses) {
    const auto entry = entries_.find(use.name);
    if (entry == entries_.end()) {
      return fail(ErrorCode::NotFound, "the embedded model has no adapter of this name; load it or name another",
                  "adapters." + use.name);
    }
    if (!(std::abs(use.scale) <= kScaleMax)) {
      return fail(ErrorCode::InvalidArgument, "an adapter's scale must be a number between -100 and 100",
                  "adapters." + use.name);
    }
    if (use.scale == 0) continue;  // the base
    set.parts.push_back({entry->second.adapter, static_cast<float>(use.scale)});
    set.key += std::to_string(entry->second.number) + '*' + std::to_string(use.scale) + ' ';
  }
  return set;
}

Result<std::vector<wire::EngineAdapterFacts>> LlamaAdapterShelf::carry_out(const wire::EngineAdapterOrder& order) {
  switch (order.action) {
    case wire::EngineAdapterOrder::Action::List:
      break;
    case wire::EngineAdapterOrder::Action::Load:
      SUFFICE_TRY_VOID(load(order.name, order.path));
      break;
    case wire::EngineAdapterOrder::Action::Unload: {
      const std::lock_guard lock(mutex_);
      if (entries_.erase(order.name) == 0) {
        return fail(ErrorCode::NotFound, "no adapter of this name is loaded", "adapters." + order.name);
      }
    }
  }
  return list();
}

std::vector<wire::EngineAdapterFacts> LlamaAdapterShelf::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<wire::EngineAdapterFacts> out;
  for (const auto& [name, entry] : entries_) out.push_back(entry.facts);
  return out;
}

Result<void> LlamaAdapterShelf::load(const std::string& name, const std::string& path) {
  const SteadyTime start = std::chrono::steady_clock::now();
  if (name.empty()) return fail(ErrorCode::InvalidArgument, "an adapter needs a name", "adapters");
  {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= kAdaptersMax && !entries_.contains(name)) {
      return fail(ErrorCode::Overloaded, "64 adapters are loaded; unload one first", "adapters." + name);
    }
  }
  Entry entry{.adapter = nullptr, .facts = {.name = name}};
  {
    const Header header(path);
    SUFFICE_TRY_VOID(check(header, model_, name));
    header.count(entry.facts);
  }
  {
    const std::lock_guard lock(*library_mutex_);
    forget_library_errors();
    llama_adapter_lora* handle = llama_adapter_lora_init(model_.handle(), path.c_str());
    if (handle == nullptr) {
      const std::string why = first_library_error();
      return invalid(why.empty() ? "the library refuses it" : why, name);
    }
    entry.adapter = std::make_shared<LlamaAdapter>(handle, library_mutex_);
  }
  if (llama_adapter_get_alora_n_invocation_tokens(entry.adapter->handle()) > 0) {
    return invalid("it acts only after certain tokens (aLoRA), which is not supported", name);
  }
  entry.facts.sha256 = MappedFile(path).sha256();
  entry.facts.load_us = microseconds_since(start);
  const std::lock_guard lock(mutex_);
  entry.number = ++loads_;
  entries_[name] = std::move(entry);
  return {};
}

}  // namespace suffice::engine
