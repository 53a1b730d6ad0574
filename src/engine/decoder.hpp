#pragma once
// The seam between what is to be computed and what computes it: tokens of many sequences in one step, logits out. The
// scheduling above it (batcher.hpp) is plain code; llama/ implements it on libllama.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "engine/adapters.hpp"
#include "engine/label_trie.hpp"
#include "wire/engine_frames.hpp"

namespace suffice::engine {

/// A row of tokens in the memory. Sequences may share cells: a copy costs none until it grows.
using Sequence = std::int32_t;

/// Asked between and within computing steps; true ends the step with Cancelled.
using IsCancelled = std::function<bool()>;

struct StepToken {
  Token token = 0;
  std::size_t position = 0;
  Sequence sequence = 0;
  bool output = false;  ///< its logits are wanted
};

/// What one step and the memory can hold. The library aborts the process beyond the first two.
struct DecoderLimits {
  std::size_t step_tokens = 0;
  std::size_t step_outputs = 0;
  Sequence sequences = 0;
  std::size_t cells = 0;        ///< tokens of all sequences, shared ones once
  std::size_t call_tokens = 0;  ///< of one call, prompt and answer together
  bool partial_copies = true;   ///< false: only whole sequences can be copied (recurrent models)
};

/// One memory and the arithmetic on it. One thread.
class Decoder {
 public:
  virtual ~Decoder() = default;
  [[nodiscard]] virtual const DecoderLimits& limits() const = 0;

  /// Adds `step` to the memory. Cancelled, or Internal when the library could not: the step's sequences may then hold parts
  /// of it and must be forgotten.
  virtual Result<void> decode(std::span<const StepToken> step, const IsCancelled& cancelled) = 0;
  /// Logits after token `index` of the last step, which had `output` set. Valid until the next step.
  [[nodiscard]] virtual std::span<const float> logits(std::size_t index) const = 0;

  /// Puts the first `tokens` of `from` into the empty sequence `to`.
  virtual void copy(Sequence from, Sequence to, std::size_t tokens) = 0;
  virtual void forget(Sequence sequence) = 0;
  virtual void forget_everything() = 0;

  /// The adapters of the steps that follow. Cheap when they are the ones in use.
  virtual Result<void> use(const AdapterSet& adapters) = 0;
};

/// A grammar followed token by token, for one answer.
class GrammarState {
 public:
  virtual ~GrammarState() = default;
  [[nodiscard]] virtual bool allows(Token token) const = 0;
  /// `logits` with every forbidden token at minus infinity; empty when nothing may come next.
  [[nodiscard]] virtual std::vector<float> mask(std::span<const float> logits) const = 0;
  /// Goes on past `token`, which must be allowed.
  virtual void accept(Token token) = 0;
};

struct PromptTokens {
  std::vector<Token> tokens;
  /// How many of them come before the last message's text: another call of the task likely begins with the same.
  std::size_t before_last_text = 0;
};

/// The model's tokenizer, template and grammars. Any thread.
class Language {
 public:
  virtual ~Language() = default;
  /// The prompt of `messages`, ending where the answer starts. Control tokens come from the template only.
  [[nodiscard]] virtual PromptTokens prompt(const std::vector<wire::EngineMessage>& messages) const = 0;
  /// Tokens of plain text within a prompt.
  [[nodiscard]] virtual std::vector<Token> tokens(std::string_view text) const = 0;
  /// Bytes of a token; none for a control token.
  [[nodiscard]] virtual std::string piece(Token token) const = 0;
  /// Whether the answer ends with `token`.
  [[nodiscard]] virtual bool ends(Token token) const = 0;
  /// The token that ends an answer.
  [[nodiscard]] virtual Token end_token() const = 0;
  /// InvalidArgument when the library refuses the grammar.
  [[nodiscard]] virtual Result<std::unique_ptr<GrammarState>> grammar(const std::string& gbnf) const = 0;
};

}  // namespace suffice::engine
