#pragma once
// How many tokens the parts of a prompt may take, and who counts them.

#include <cstdint>
#include <functional>
#include <string_view>

namespace suffice::prompts {

/// Number of tokens of a text.
using TokenCounter = std::function<std::int64_t(std::string_view)>;

/// One token for every three bytes begun: above what the tokenizers of common models need for English text and code
/// (3.3 to 4.5 bytes a token), so that it errs towards refusing. For models whose tokenizer cannot be asked.
[[nodiscard]] std::int64_t estimate_tokens(std::string_view text);

/// Most tokens of each part that a small model works well with: 200 system, 100 schema, 500 few-shot, 3,000 input and
/// 500 of headroom for the answer in a context of 4,096 (spec 5.1), in proportion for any other.
struct PartBudget {
  std::int64_t system = 0;
  std::int64_t schema = 0;
  std::int64_t few_shot = 0;
  std::int64_t input = 0;
  std::int64_t headroom = 0;
  bool operator==(const PartBudget&) const = default;

  [[nodiscard]] static PartBudget for_context(std::int64_t context_tokens);
};

}  // namespace suffice::prompts
