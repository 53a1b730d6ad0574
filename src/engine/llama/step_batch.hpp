#pragma once
// Tokens of one computing step in the library's form. Only for the files of this folder.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <llama.h>

#include "engine/decoder.hpp"

namespace suffice::engine {

/// Keeps its arrays from step to step.
class StepBatch {
 public:
  void clear() {
    tokens_.clear();
    positions_.clear();
    sequences_.clear();
    outputs_.clear();
  }
  void add(const StepToken& token) {
    tokens_.push_back(token.token);
    positions_.push_back(static_cast<llama_pos>(token.position));
    sequences_.push_back(token.sequence);
    outputs_.push_back(token.output ? 1 : 0);
  }
  [[nodiscard]] std::size_t size() const { return tokens_.size(); }

  /// Points into this; valid until it changes.
  [[nodiscard]] llama_batch raw() {
    counts_.assign(tokens_.size(), 1);
    pointers_.clear();
    for (llama_seq_id& sequence : sequences_) pointers_.push_back(&sequence);
    return {.n_tokens = static_cast<std::int32_t>(tokens_.size()),
            .token = tokens_.data(),
            .embd = nullptr,
            .pos = positions_.data(),
            .n_seq_id = counts_.data(),
            .seq_id = pointers_.data(),
            .logits = outputs_.data()};
  }

 private:
  std::vector<llama_token> tokens_;
  std::vector<llama_pos> positions_;
  std::vector<std::int32_t> counts_;
  std::vector<llama_seq_id> sequences_;
  std::vector<llama_seq_id*> pointers_;
  std::vector<std::int8_t> outputs_;
};

}  // namespace suffice::engine
