// What is sent of a prompt and a caller's text, and what is cut when it does not fit.

#include "prompts/render.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace suffice::prompts {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Prompt general() {
  Prompt prompt;
  prompt.name = "p";
  prompt.version = 3;
  prompt.system = "You sort.";
  prompt.rules = {"One word."};
  prompt.categories = {{.label = "a", .when = "it is a.", .not_when = "b."},
                       {.label = "b", .when = "it is b.", .not_when = ""}};
  prompt.tie_break = {"a and b: a."};
  prompt.examples = {{.input = "first", .output = "a", .why = "hidden", .wrong = "It is a."},
                     {.input = "second", .output = "b", .why = "", .wrong = ""}};
  prompt.wrap = "<in>{input}</in>";
  prompt.reminder = "Answer a or b.";
  return prompt;
}

Prompt specialist() {
  Prompt prompt;
  prompt.name = "mini";
  prompt.version = 1;
  prompt.specialist = true;
  prompt.system = "classify_issue";
  return prompt;
}

std::vector<Message> said(const std::string& text) { return {Message::of(Role::User, text)}; }

TEST(Render, PutsThePartsOfAGeneralPromptInTheirOrder) {
  const auto rendered = render(general(), said("real"), {});

  ASSERT_TRUE(rendered);
  ASSERT_EQ(rendered->messages.size(), 6U);
  EXPECT_EQ(rendered->messages[0].text(),
            "You sort.\n\nRules:\n- One word.\n\nLabels:\n- a: it is a. Not: b.\n- b: it is b.\n\n"
            "When two labels fit:\n- a and b: a.\n\n"
            "Answer as on the right, never as on the left:\n- wrong: It is a. right: a");
  EXPECT_EQ(rendered->messages[1], Message::of(Role::User, "<in>first</in>\n\nAnswer a or b."));
  EXPECT_EQ(rendered->messages[2], Message::of(Role::Assistant, "a"));
  EXPECT_EQ(rendered->messages[5], Message::of(Role::User, "<in>real</in>\n\nAnswer a or b."));
  EXPECT_THAT(rendered->cut, IsEmpty());
}

TEST(Render, KeepsTheCallersSystemTextAsContextAndSaysWhatItDoesNotRead) {
  const std::vector<Message> messages{Message::of(Role::System, "Team: payments"), Message::of(Role::User, "old"),
                                      Message::of(Role::Assistant, "reply"), Message::of(Role::User, "new")};

  const auto rendered = render(general(), messages, {});

  ASSERT_TRUE(rendered);
  EXPECT_THAT(rendered->messages[0].text(), HasSubstr("\n\nContext from the caller:\nTeam: payments"));
  EXPECT_THAT(rendered->messages.back().text(), HasSubstr("<in>new</in>"));
  ASSERT_EQ(rendered->cut.size(), 1U);
  EXPECT_EQ(rendered->cut[0], (Cut{.what = "2 earlier messages", .why = "p@3 reads the last user message"}));
}

TEST(Render, InputThatLooksLikeATemplateIsLeftAlone) {
  const auto rendered = render(general(), said("{input} {input}"), {});

  EXPECT_THAT(rendered->messages.back().text(), HasSubstr("<in>{input} {input}</in>"));
}

TEST(Render, DropsExamplesOnlyWhenThePromptAllowsAndSaysSo) {
  Prompt prompt = general();
  const std::int64_t whole = render(prompt, said("real"), {})->prompt_tokens;
  const RenderBudget tight{.context_tokens = whole + 99, .output_tokens = 100};

  const auto refused = render(prompt, said("real"), tight);
  prompt.cut = CutPolicy::Examples;
  const auto cut = render(prompt, said("real"), tight);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::ContextOverflow);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->messages.size(), 4U);
  EXPECT_LE(cut->prompt_tokens + 100, tight.context_tokens);
  ASSERT_EQ(cut->cut.size(), 1U);
  EXPECT_EQ(cut->cut[0].what, "1 of 2 examples");
}

TEST(Render, NeverCutsTheInputToFit) {
  Prompt prompt = general();
  prompt.cut = CutPolicy::Examples;

  const auto rendered = render(prompt, said(std::string(4000, 'x')), {.context_tokens = 512, .output_tokens = 8});

  ASSERT_FALSE(rendered);
  EXPECT_EQ(rendered.error().code, ErrorCode::ContextOverflow);
  EXPECT_THAT(rendered.error().message, Not(HasSubstr("xxx")));
}

TEST(Render, AnUnknownContextIsNotChecked) {
  EXPECT_TRUE(render(general(), said(std::string(100'000, 'x')), {.context_tokens = 0}));
}

TEST(Render, CountsWithTheCallersTokenizer) {
  const RenderBudget bytes{.context_tokens = 0, .output_tokens = 1, .count = [](std::string_view text) {
                             return static_cast<std::int64_t>(text.size());
                           }};
  EXPECT_EQ(render(specialist(), said("abc"), bytes)->prompt_tokens, 14 + 3 + 2 * 8);
}

TEST(Render, SendsTheEndOfALongTextWhereThePromptSaysSo) {
  Prompt prompt = specialist();
  prompt.long_input = LongInput::End;
  prompt.input_chars_max = 3;

  const auto rendered = render(prompt, said("ab\u00e9de"), {});

  ASSERT_TRUE(rendered);
  EXPECT_EQ(rendered->messages[1].text(), "\u00e9de");
  ASSERT_EQ(rendered->cut.size(), 1U);
  EXPECT_EQ(rendered->cut[0].what, "the first 2 of 5 characters of the input");
}

TEST(Render, RefusesWhatItCannotSend) {
  std::vector<Message> image = said("look");
  image[0].content.push_back({.kind = ContentPart::Kind::Image, .text = "", .raw = {"{}"}});

  EXPECT_EQ(render(general(), {}, {}).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(render(specialist(), image, {}).error().code, ErrorCode::UnsupportedField);
  const auto kept = render(general(), image, {});
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->messages.back().content.size(), 2U) << "a general model gets the image";
}

TEST(Render, ShowsContrastsWithTheReason) {
  Prompt prompt = general();
  prompt.contrasts = {{.input = "both", .correct = "a", .incorrect = "b", .why = "a wins."},
                      {.input = "", .correct = "a", .incorrect = "It is a.", .why = "no sentence."}};

  const auto rendered = render(prompt, said("real"), {});

  EXPECT_THAT(rendered->messages[0].text(), HasSubstr("\n\nCorrect and incorrect answers:\n"
                                                      "- both -> correct: a; incorrect: b; why: a wins.\n"
                                                      "- correct: a; incorrect: It is a.; why: no sentence."));
}

TEST(Render, PutsTheSchemaBeforeRulesAndTask) {
  Prompt prompt = general();
  prompt.schema.text = R"({"type":"object"})";

  const std::string system = render(prompt, said("real"), {})->messages[0].text();

  EXPECT_LT(system.find("JSON Schema of the answer:\n{\"type\":\"object\"}"), system.find("Rules:"));
}

TEST(Render, CountsEachPart) {
  Prompt prompt = general();
  prompt.schema.text = "{}";
  std::vector<Message> messages = said("real");
  messages.insert(messages.begin(), Message::of(Role::System, "context"));

  const auto rendered = render(prompt, messages, {});

  const PartTokens& parts = rendered->parts;
  EXPECT_EQ(parts.schema, estimate_tokens("\n\nJSON Schema of the answer:\n{}"));
  EXPECT_EQ(parts.caller, estimate_tokens("\n\nContext from the caller:\ncontext"));
  EXPECT_EQ(parts.input, estimate_tokens("<in>real</in>\n\nAnswer a or b."));
  EXPECT_GT(parts.few_shot, 0);
  EXPECT_EQ(parts.framing, 6 * 8);
  EXPECT_EQ(rendered->prompt_tokens, parts.total());
}

/// Texts of words; a word is a token, whatever its length.
std::int64_t count_words(std::string_view text) {
  std::int64_t words = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool letter = text[i] != ' ' && text[i] != '\n';
    if (letter && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\n')) ++words;
  }
  return words;
}

std::string words(int count, const std::string& word) {
  std::string text;
  for (int i = 0; i < count; ++i) text += word + " ";
  return text;
}

TEST(Render, ShortensTheInputToWhatTheModelsOwnTokensLeave) {
  Prompt prompt = specialist();
  prompt.long_input = LongInput::End;
  const RenderBudget budget{.context_tokens = 400, .output_tokens = 8, .count = count_words};

  const auto rendered = render(prompt, said(words(2000, "word") + "last"), budget);

  ASSERT_TRUE(rendered) << rendered.error().message;
  EXPECT_LE(rendered->prompt_tokens + 8, 400);
  EXPECT_GE(rendered->parts.input, 250) << "most of its share of 3,000 in 4,096 is used";
  EXPECT_THAT(rendered->messages[1].text(), ::testing::EndsWith("word last"));
  ASSERT_EQ(rendered->cut.size(), 1U) << "one shortening is recorded, of the whole text";
  EXPECT_THAT(rendered->cut[0].what, HasSubstr(" of 10004 characters of the input"));
  EXPECT_EQ(rendered->cut[0].why, "context of 400 tokens");
}

TEST(Render, CutsTheInputToItsShareThenExamplesThenTheInputFurther) {
  Prompt prompt = general();
  prompt.cut = CutPolicy::Examples;
  prompt.long_input = LongInput::Start;
  const auto with_context = [&](std::int64_t context) {
    return render(prompt, said(words(5000, "x")),
                  {.context_tokens = context, .output_tokens = 10, .count = count_words});
  };

  const auto roomy = with_context(1000);
  const auto tight = with_context(220);

  ASSERT_TRUE(roomy && tight);
  ASSERT_EQ(roomy->cut.size(), 1U) << "the input alone: its share and all examples fit";
  EXPECT_THAT(roomy->cut[0].what, HasSubstr("of the input"));
  EXPECT_LE(roomy->parts.input, 3000 * 1000 / 4096 + 10);
  ASSERT_EQ(tight->cut.size(), 2U);
  EXPECT_EQ(tight->cut[0].what, "2 of 2 examples");
  EXPECT_LE(tight->prompt_tokens + 10, 220);
}

TEST(Render, RefusesRatherThanSendAScrapOfTheInput) {
  Prompt prompt = specialist();
  prompt.long_input = LongInput::End;

  const auto rendered =
      render(prompt, said(words(500, "x")), {.context_tokens = 60, .output_tokens = 8, .count = count_words});

  ASSERT_FALSE(rendered);
  EXPECT_EQ(rendered.error().code, ErrorCode::ContextOverflow);
  EXPECT_THAT(rendered.error().message, HasSubstr("the model's context has 60"));
}

TEST(Render, ReducesABuildLogWhereThePromptSaysSo) {
  Prompt prompt = specialist();
  prompt.long_input = LongInput::BuildLog;
  prompt.input_chars_max = 120;
  std::string log;
  for (int i = 0; i < 500; ++i) log += "[INFO] Downloading from central: x\n[INFO] quiet\n";
  log += "[ERROR] cannot find symbol\n";

  const auto rendered = render(prompt, said(log), {});

  ASSERT_TRUE(rendered);
  EXPECT_THAT(rendered->messages[1].text(), ::testing::EndsWith("[ERROR] cannot find symbol"));
  EXPECT_THAT(rendered->messages[1].text(), Not(HasSubstr("Downloading")));
  ASSERT_EQ(rendered->cut.size(), 1U);
  EXPECT_THAT(rendered->cut[0].what, HasSubstr("of 1,001 lines of the log (500 of progress"));
  EXPECT_EQ(rendered->cut[0].why, "mini@1 sends 120 characters");
}

TEST(PartBudget, SharesTheContextAsMeasuredForFourThousand) {
  EXPECT_EQ(PartBudget::for_context(4096),
            (PartBudget{.system = 200, .schema = 100, .few_shot = 500, .input = 3000, .headroom = 500}));
  EXPECT_EQ(PartBudget::for_context(8192).input, 6000);
}

}  // namespace
}  // namespace suffice::prompts
