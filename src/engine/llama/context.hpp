#pragma once
// One context of the model: what it has read (its key-value memory) and the logits after it. One thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/result.hpp"
#include "engine/label_trie.hpp"

struct llama_context;

namespace suffice::engine {

class Model;

/// Asked between computing steps, also within one; true ends the work with Cancelled.
using IsCancelled = std::function<bool()>;

class Context {
 public:
  /// Context lengths beyond the model's own are refused with InvalidArgument; 0 takes the model's, at most 8192.
  /// `progress` grows with every computing step and must outlive the context.
  static Result<std::unique_ptr<Context>> create(const Model& model, int threads, int context_length,
                                                 std::atomic<std::uint64_t>& progress);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Tokens of one call, prompt and answer together.
  [[nodiscard]] int length() const { return length_; }
  /// Longest label that evaluate() can follow.
  static constexpr std::size_t kPathTokensMax = 64;

  /// Reads `prompt` (1 to length() tokens) and returns how many tokens of it were still there from the last one.
  /// Errors: Cancelled, Internal.
  Result<std::size_t> read(const std::vector<Token>& prompt, const IsCancelled& cancelled);
  /// Reads one more token.
  Result<void> append(Token token, const IsCancelled& cancelled);
  /// Logits after everything read. Valid until the next call.
  [[nodiscard]] std::span<const float> logits() const;
  /// Logits after everything read + each path, computed side by side on the shared prefix. Paths have 1 to kPathTokensMax
  /// tokens. What was read stays.
  Result<void> evaluate(const std::vector<std::vector<Token>>& paths, const VisitLogits& visit,
                        const IsCancelled& cancelled);

 private:
  struct Batch;
  struct Watch {
    const IsCancelled* cancelled = nullptr;
    std::atomic<std::uint64_t>* progress = nullptr;
  };

  Context(llama_context* context, int length, int vocabulary, std::atomic<std::uint64_t>& progress);
  Result<void> decode(const Batch& batch, const IsCancelled& cancelled);
  Result<void> evaluate_some(std::span<const std::vector<Token>> paths, std::size_t first, const VisitLogits& visit,
                             const IsCancelled& cancelled);
  void forget_from(std::size_t position);

  llama_context* context_;
  int length_;
  std::size_t vocabulary_;
  std::vector<Token> read_;  ///< tokens in the memory of sequence 0
  std::span<const float> logits_;
  std::unique_ptr<Watch> watch_;
};

}  // namespace suffice::engine
