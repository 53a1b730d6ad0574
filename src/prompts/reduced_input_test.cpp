#include "prompts/reduced_input.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.hpp"

namespace suffice::prompts {
namespace {

using policy::InputReduction;
using ::testing::HasSubstr;
using ::testing::Not;

std::string long_log() {
  std::string log;
  for (int i = 0; i < 400; ++i)
    log += "[INFO] Downloading from central: https://repo.example/" + std::to_string(i) + ".jar\n";
  log += "[ERROR] /app/Billing.java:[41,17] cannot find symbol\n";
  for (int i = 0; i < 400; ++i) log += "[INFO] module " + std::to_string(i) + " skipped\n";
  return log + "[INFO] BUILD FAILURE\n";
}

std::vector<Message> conversation(std::string input) {
  return {Message::of(Role::System, "Classify the issue."), Message::of(Role::User, std::move(input))};
}

std::size_t chars_of(const std::vector<Message>& messages) {
  std::size_t chars = 0;
  for (const Message& message : messages) chars += count_code_points(message.text());
  return chars;
}

TEST(ReducedInput, LeavesWhatFitsAsItIs) {
  const std::vector<Message> messages = conversation("short");

  const ReducedInput reduced = reduce_input(InputReduction::BuildLog, messages, 6000).value();

  EXPECT_EQ(reduced.messages, messages);
  EXPECT_TRUE(reduced.cut.empty());
}

TEST(ReducedInput, LeavesEverythingWhereTheTaskReducesNothing) {
  const std::vector<Message> messages = conversation(long_log());

  const ReducedInput reduced = reduce_input(InputReduction::None, messages, 1000).value();

  EXPECT_EQ(reduced.messages, messages);
}

TEST(ReducedInput, KeepsErrorsAndEndOfALogWithinTheWholeLimit) {
  const std::vector<Message> messages = conversation(long_log());

  const ReducedInput reduced = reduce_input(InputReduction::BuildLog, messages, 1000).value();

  EXPECT_LE(chars_of(reduced.messages), 1000U);
  EXPECT_EQ(reduced.messages.front(), messages.front());
  EXPECT_THAT(reduced.messages.back().text(), HasSubstr("cannot find symbol"));
  EXPECT_THAT(reduced.messages.back().text(), HasSubstr("BUILD FAILURE"));
  EXPECT_THAT(reduced.messages.back().text(), Not(HasSubstr("Downloading")));
  ASSERT_EQ(reduced.cut.size(), 1U);
  EXPECT_THAT(reduced.cut.front().what, HasSubstr("of 802 lines of the log (400 of progress"));
  EXPECT_EQ(reduced.cut.front().why, "at most 1000 characters for a local model");
}

TEST(ReducedInput, ReducesTheLastUserMessageAndJoinsItsTexts) {
  std::vector<Message> messages = conversation("earlier question");
  Message last = Message::of(Role::User, long_log());
  ContentPart image;
  image.kind = ContentPart::Kind::Image;
  last.content.push_back(image);
  last.content.push_back(ContentPart{.kind = ContentPart::Kind::Text, .text = long_log(), .raw = {}});
  messages.push_back(std::move(last));

  const ReducedInput reduced = reduce_input(InputReduction::BuildLog, messages, 1000).value();

  EXPECT_EQ(reduced.messages[1].text(), "earlier question");
  ASSERT_EQ(reduced.messages[2].content.size(), 2U);
  EXPECT_EQ(reduced.messages[2].content[1].kind, ContentPart::Kind::Image);
  EXPECT_LE(chars_of(reduced.messages), 1000U);
}

TEST(ReducedInput, RefusesWhenOtherMessagesTakeTheRoom) {
  std::vector<Message> messages = conversation(long_log());
  messages.front() = Message::of(Role::System, std::string(900, 'x'));

  const auto reduced = reduce_input(InputReduction::BuildLog, messages, 1000);

  ASSERT_FALSE(reduced.has_value());
  EXPECT_EQ(reduced.error().code, ErrorCode::ContextOverflow);
  EXPECT_THAT(reduced.error().message, HasSubstr("100 of 1000"));
}

TEST(ReducedInput, NeedsAUserMessage) {
  const std::vector<Message> messages = {Message::of(Role::System, std::string(2000, 'x'))};

  EXPECT_EQ(reduce_input(InputReduction::BuildLog, messages, 1000).error().code, ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace suffice::prompts
