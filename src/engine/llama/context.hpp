#pragma once
// One context of the library: created, computed on, cancelled. Base of decoder.hpp and embedding.hpp. One thread.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "core/result.hpp"
#include "engine/counters.hpp"
#include "engine/decoder.hpp"
#include "engine/llama/step_batch.hpp"

struct llama_context;
struct llama_context_params;

namespace suffice::engine {

class Model;

class Context {
 public:
  /// ModelInvalid when the library makes no context with `params`, also without flash attention. `counters` outlive it.
  static Result<std::unique_ptr<Context>> create(const Model& model, const llama_context_params& params,
                                                 Counters& counters);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  [[nodiscard]] llama_context* handle() const { return context_; }
  /// Cancelled, or Internal with the library's status. At most n_batch tokens: the library aborts on more.
  Result<void> decode(StepBatch& batch, const IsCancelled& cancelled);
  /// Sets the adapters unless they are the ones in use.
  Result<void> use(const AdapterSet& adapters);

 private:
  struct Watch {
    const IsCancelled* cancelled = nullptr;
    Counters* counters = nullptr;
  };
  Context(llama_context* context, Counters& counters);

  llama_context* context_;
  std::unique_ptr<Watch> watch_;
  AdapterSet adapters_;  ///< in use; keeps them in memory
};

/// Parameters that every context shares.
[[nodiscard]] llama_context_params context_params(int threads, std::uint32_t tokens, std::uint32_t step_tokens,
                                                  std::uint32_t sequences);

}  // namespace suffice::engine
