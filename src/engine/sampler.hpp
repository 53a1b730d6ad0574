#pragma once
// From logits to a token: temperature, nucleus, penalties, and the log-probabilities that callers see.

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/chat.hpp"
#include "core/random.hpp"
#include "core/result.hpp"
#include "engine/label_trie.hpp"

namespace suffice::engine {

struct RankedToken {
  Token token = -1;
  double logprob = 0;
};

/// ln of the sum of e^logit, of which a token's log-probability is logit minus this.
[[nodiscard]] double log_sum_exp(std::span<const float> logits);
/// The `count` most probable tokens, best first.
[[nodiscard]] std::vector<RankedToken> top_tokens(std::span<const float> logits, std::size_t count);

/// Picks tokens for one answer. One thread. The same seed gives the same picks for the same logits.
class TokenSampler {
 public:
  /// An unset temperature means 0, the most probable token: a gateway that judges answers wants the same one twice.
  /// InvalidArgument for values outside OpenAI's ranges (temperature 0..2, top_p 0..1, penalties -2..2).
  static Result<TokenSampler> create(const Sampling& sampling);

  /// A token with a logit above minus infinity. Masking tokens a grammar forbids and picking again after a first pick was
  /// forbidden gives exactly the masked distribution: p + (1 - Z) p / Z = p / Z for an allowed share Z.
  Token pick(std::span<const float> logits);
  /// Counts `token` for the penalties.
  void accept(Token token);

 private:
  TokenSampler(const Sampling& sampling, std::uint64_t seed);
  [[nodiscard]] std::vector<float> penalised(std::span<const float> logits) const;
  Token draw(std::span<const float> logits);

  double temperature_;
  double top_p_;
  double presence_;
  double frequency_;
  SeededRandom random_;
  std::unordered_map<Token, int> counts_;
};

}  // namespace suffice::engine
