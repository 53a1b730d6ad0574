#include "engine/llama/grammar.hpp"

#include <algorithm>
#include <limits>

#include <llama.h>

namespace suffice::engine {

Result<std::unique_ptr<GrammarState>> LlamaGrammar::create(const llama_vocab* vocabulary, const std::string& gbnf) {
  llama_sampler* sampler = llama_sampler_init_grammar(vocabulary, gbnf.c_str(), "root");
  if (sampler == nullptr) {
    return fail(ErrorCode::InvalidArgument,
                "the embedded model cannot follow this schema (does a $ref lead only to itself?)");
  }
  return std::unique_ptr<GrammarState>(new LlamaGrammar(sampler));
}

void LlamaGrammar::Free::operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }

bool LlamaGrammar::allows(Token token) const {
  llama_token_data one{.id = token, .logit = 0, .p = 0};
  llama_token_data_array candidates{.data = &one, .size = 1, .selected = -1, .sorted = false};
  llama_sampler_apply(sampler_.get(), &candidates);
  return one.logit == 0;
}

std::vector<float> LlamaGrammar::mask(std::span<const float> logits) const {
  std::vector<llama_token_data> all(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) all[i] = {.id = static_cast<Token>(i), .logit = logits[i], .p = 0};
  llama_token_data_array candidates{.data = all.data(), .size = all.size(), .selected = -1, .sorted = false};
  llama_sampler_apply(sampler_.get(), &candidates);
  constexpr float kForbidden = -std::numeric_limits<float>::infinity();
  std::vector<float> masked(logits.size(), kForbidden);
  bool any = false;
  for (std::size_t i = 0; i < candidates.size; ++i) {
    const llama_token_data& candidate = candidates.data[i];
    masked[static_cast<std::size_t>(candidate.id)] = candidate.logit;
    any = any || candidate.logit > kForbidden;
  }
  if (!any) masked.clear();
  return masked;
}

void LlamaGrammar::accept(Token token) { llama_sampler_accept(sampler_.get(), token); }

}  // namespace suffice::engine
