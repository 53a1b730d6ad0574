#include "prompts/token_budget.hpp"

namespace suffice::prompts {

std::int64_t estimate_tokens(std::string_view text) { return static_cast<std::int64_t>((text.size() + 2) / 3); }

PartBudget PartBudget::for_context(std::int64_t context_tokens) {
  constexpr std::int64_t measured_context = 4096;
  const auto share = [&](std::int64_t of_4096) { return of_4096 * context_tokens / measured_context; };
  return {
      .system = share(200), .schema = share(100), .few_shot = share(500), .input = share(3000), .headroom = share(500)};
}

}  // namespace suffice::prompts
