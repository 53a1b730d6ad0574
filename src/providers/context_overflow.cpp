#include "providers/context_overflow.hpp"

#include <charconv>
#include <string_view>
#include <system_error>

namespace suffice::providers {

std::optional<std::int64_t> prompt_tokens_of(const Error& error) {
  constexpr std::string_view after = " of them prompt";
  if (error.code != ErrorCode::ContextOverflow) return std::nullopt;
  const std::string_view message = error.message;
  const auto end = message.find(after);
  if (end == std::string_view::npos) return std::nullopt;
  const auto begin = message.find_last_not_of("0123456789", end == 0 ? 0 : end - 1);
  const std::string_view digits = message.substr(begin + 1, end - begin - 1);
  std::int64_t tokens = 0;
  const auto [last, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), tokens);
  if (problem != std::errc{} || last != digits.data() + digits.size() || tokens <= 0) return std::nullopt;
  return tokens;
}

}  // namespace suffice::providers
