#pragma once
// Fits a prompt into a context by the model's own token counts.

#include <cstdint>
#include <span>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "prompts/render.hpp"

namespace suffice::prompts {

/// A dialogue with a model that says, of a prompt that does not fit, how many tokens it is: render() gives a proposal, which is
/// sent; when it is refused, too_long() takes the number, and render() gives the next, shorter proposal.
///
/// The first proposal takes a token for kBytesPerTokenMax bytes, more than tokenizers reach: what it cuts had no hope. It is
/// therefore bounded whatever the input. Ends within kRoundsMax proposals with ContextOverflow, as prompts::render does when
/// nothing more may be cut. `budget.count` is not used. One thread; `prompt` and `messages` outlive it.
class TokenFit {
 public:
  TokenFit(const Prompt& prompt, std::span<const Message> messages, RenderBudget budget);

  [[nodiscard]] Result<Rendered> render();
  /// `tokens` of the last proposal, marks of messages included.
  void too_long(std::int64_t tokens);

  static constexpr double kBytesPerTokenMax = 6;
  static constexpr int kRoundsMax = 6;

 private:
  const Prompt& prompt_;
  std::span<const Message> messages_;
  RenderBudget budget_;
  double tokens_per_byte_ = 1 / kBytesPerTokenMax;
  std::int64_t bytes_ = 0;  ///< of the last proposal
  int rounds_ = 0;
};

}  // namespace suffice::prompts
