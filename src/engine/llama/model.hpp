#pragma once
// One loaded GGUF: its facts, its tokenizer, its chat template.

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.hpp"
#include "engine/chat_render.hpp"
#include "engine/decoder.hpp"
#include "engine/label_trie.hpp"
#include "wire/engine_frames.hpp"

struct llama_model;
struct llama_vocab;

namespace suffice::engine {

/// Immutable after load; any thread.
class Model final : public Language {
 public:
  /// ModelInvalid when the library cannot read the file; its reason is in the message.
  static Result<std::unique_ptr<Model>> load(const std::string& path);
  ~Model() override;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// Everything but contexts, threads, context_length, sequences, adapters and sandbox.
  [[nodiscard]] const wire::EngineFacts& facts() const { return facts_; }
  [[nodiscard]] llama_model* handle() const { return model_; }

  /// How the file wants its embeddings pooled.
  [[nodiscard]] wire::EngineEmbed::Pooling pooling() const { return pooling_; }
  /// Tokens of a whole text, with the beginning and end that the model was trained with.
  [[nodiscard]] std::vector<Token> text_tokens(std::string_view text) const;

  [[nodiscard]] PromptTokens prompt(const std::vector<wire::EngineMessage>& messages) const override;
  [[nodiscard]] std::vector<Token> tokens(std::string_view text) const override;
  [[nodiscard]] std::string piece(Token token) const override;
  [[nodiscard]] bool ends(Token token) const override;
  [[nodiscard]] Token end_token() const override { return end_token_; }
  [[nodiscard]] Result<std::unique_ptr<GrammarState>> grammar(const std::string& gbnf) const override;

 private:
  explicit Model(llama_model* model);
  [[nodiscard]] std::vector<PromptPiece> render(const std::vector<wire::EngineMessage>& messages) const;
  /// What calls have in common (template, system text, examples) is worked out once.
  void append_known(const PromptPiece& piece, std::vector<Token>& out) const;
  void append_tokens(std::string_view text, bool parse_special, bool add_special, std::vector<Token>& out) const;

  llama_model* model_;
  const llama_vocab* vocab_;
  Token end_token_;
  wire::EngineEmbed::Pooling pooling_ = wire::EngineEmbed::Pooling::Mean;
  mutable std::mutex known_mutex_;                                     ///< guards known_
  mutable std::unordered_map<std::string, std::vector<Token>> known_;  ///< by origin and text
  std::string template_;                                               ///< one that libllama renders; empty for ChatML
  wire::EngineFacts facts_;
};

}  // namespace suffice::engine
