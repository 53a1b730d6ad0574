#pragma once
// One loaded GGUF: its facts, its tokenizer, its chat template.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "engine/chat_render.hpp"
#include "engine/label_trie.hpp"
#include "wire/engine_frames.hpp"

struct llama_model;
struct llama_vocab;

namespace suffice::engine {

/// Immutable after load; any thread.
class Model {
 public:
  /// ModelInvalid when the library cannot read the file; its reason is in the message.
  static Result<std::unique_ptr<Model>> load(const std::string& path);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// Everything but contexts, threads, context_length and sandbox.
  [[nodiscard]] const wire::EngineFacts& facts() const { return facts_; }
  [[nodiscard]] llama_model* handle() const { return model_; }
  [[nodiscard]] const llama_vocab* vocabulary() const { return vocab_; }

  /// The prompt of `messages`, ending where the answer starts. Control tokens come from the template only.
  [[nodiscard]] std::vector<Token> prompt(const std::vector<wire::EngineMessage>& messages) const;
  /// Tokens of plain text within a prompt.
  [[nodiscard]] std::vector<Token> tokens(std::string_view text) const;
  /// Bytes of a token; none for a control token.
  [[nodiscard]] std::string piece(Token token) const;
  /// Whether the answer ends with `token`.
  [[nodiscard]] bool ends(Token token) const;
  /// The token that ends an answer.
  [[nodiscard]] Token end_token() const { return end_token_; }

 private:
  explicit Model(llama_model* model);
  [[nodiscard]] std::vector<PromptPiece> render(const std::vector<wire::EngineMessage>& messages) const;
  void append_tokens(std::string_view text, bool parse_special, std::vector<Token>& out) const;

  llama_model* model_;
  const llama_vocab* vocab_;
  Token end_token_;
  std::string template_;  ///< one that libllama renders; empty for ChatML
  wire::EngineFacts facts_;
};

}  // namespace suffice::engine
