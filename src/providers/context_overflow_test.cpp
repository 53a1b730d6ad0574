// The numbers of an engine's refusal.

#include "providers/context_overflow.hpp"

#include <gtest/gtest.h>

namespace suffice::providers {
namespace {

TEST(PromptTokensOf, ReadsTheEnginesNumbersAndNothingElse) {
  const struct {
    const char* name;
    ErrorCode code;
    const char* message;
    std::optional<std::int64_t> tokens;
  } cases[] = {
      {"the engine", ErrorCode::ContextOverflow,
       "the call needs 1208 tokens (1200 of them prompt) and the embedded model has 1024", 1200},
      {"another error", ErrorCode::Internal, "1200 of them prompt", std::nullopt},
      {"a server's words", ErrorCode::ContextOverflow, "context length exceeded", std::nullopt},
      {"no number", ErrorCode::ContextOverflow, "( of them prompt)", std::nullopt},
      {"a number too large", ErrorCode::ContextOverflow, "99999999999999999999 of them prompt", std::nullopt},
      {"nothing before", ErrorCode::ContextOverflow, " of them prompt", std::nullopt},
      {"zero", ErrorCode::ContextOverflow, "0 of them prompt", std::nullopt},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(prompt_tokens_of({.code = one.code, .message = one.message, .where = {}}), one.tokens) << one.name;
  }
}

}  // namespace
}  // namespace suffice::providers
