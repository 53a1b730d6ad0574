// A prompt fitted by counts that somebody else makes.

#include "prompts/token_fit.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace suffice::prompts {
namespace {

Prompt keeping(LongInput long_input) {
  Prompt prompt;
  prompt.name = "p";
  prompt.version = 1;
  prompt.system = "You sort.";
  prompt.long_input = long_input;
  return prompt;
}

/// Fits `text` into a model with `bytes_per_token`; how often the model refused is added to `refused`.
Result<Rendered> fitted(const Prompt& prompt, const std::string& text, std::int64_t context, double bytes_per_token,
                        int& refused) {
  constexpr std::int64_t output = 10;
  const std::vector<Message> said{Message::of(Role::User, text)};
  TokenFit fit(prompt, said, {.context_tokens = context, .output_tokens = output});
  for (;;) {
    Result<Rendered> rendered = fit.render();
    if (!rendered) return rendered;
    double tokens = 5.0 * static_cast<double>(rendered->messages.size());
    for (const Message& message : rendered->messages)
      tokens += static_cast<double>(message.text().size()) / bytes_per_token;
    rendered->prompt_tokens = static_cast<std::int64_t>(tokens) + 1;
    if (rendered->prompt_tokens + output <= context) return rendered;
    ++refused;
    fit.too_long(rendered->prompt_tokens);
  }
}

TEST(TokenFit, SendsAPromptThatFitsAsItIs) {
  int refused = 0;

  const auto rendered = fitted(keeping(LongInput::Refuse), std::string(400, 'x'), 512, 3, refused);

  ASSERT_TRUE(rendered);
  EXPECT_EQ(rendered->messages[1].text().size(), 400U);
  EXPECT_EQ(refused, 0);
}

TEST(TokenFit, SendsATextThatTheEstimateWouldRefuse) {
  int refused = 0;
  const std::vector<Message> said{Message::of(Role::User, std::string(2000, 'x'))};

  EXPECT_TRUE(fitted(keeping(LongInput::Refuse), std::string(2000, 'x'), 600, 4, refused));

  EXPECT_EQ(refused, 0);
  EXPECT_FALSE(render(keeping(LongInput::Refuse), said, {.context_tokens = 600, .output_tokens = 10}));
}

TEST(TokenFit, FillsTheContextWithWhatTheTokenizerAllows) {
  for (const double bytes_per_token : {1.0, 1.7, 3.0, 4.5, 5.9}) {
    int refused = 0;

    const auto rendered = fitted(keeping(LongInput::End), std::string(100'000, 'x'), 1000, bytes_per_token, refused);

    ASSERT_TRUE(rendered) << rendered.error().message;
    EXPECT_GE(rendered->prompt_tokens, 600) << bytes_per_token << ": the input has 3,000 of 4,096";
    EXPECT_LE(refused, 3) << bytes_per_token;
  }
}

TEST(TokenFit, RefusesWhatMayNotBeCut) {
  int refused = 0;

  const auto rendered = fitted(keeping(LongInput::Refuse), std::string(2000, 'x'), 400, 4, refused);

  ASSERT_FALSE(rendered);
  EXPECT_EQ(rendered.error().code, ErrorCode::ContextOverflow);
  EXPECT_EQ(refused, 1);
}

TEST(TokenFit, GivesUpOnAModelThatRefusesEverything) {
  const Prompt prompt = keeping(LongInput::End);
  const std::vector<Message> said{Message::of(Role::User, std::string(90'000, 'x'))};
  TokenFit fit(prompt, said, {.context_tokens = 1000, .output_tokens = 10});

  Result<Rendered> rendered = fit.render();
  while (rendered) {
    fit.too_long(1'001);
    rendered = fit.render();
  }

  EXPECT_EQ(rendered.error().code, ErrorCode::ContextOverflow);
}

}  // namespace
}  // namespace suffice::prompts
