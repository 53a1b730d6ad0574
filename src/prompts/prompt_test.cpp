// Prompt files as shipped, as broken, and as rendered.

#include "prompts/prompt.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>

#include "prompts/prompt_reader.hpp"

namespace suffice::prompts {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;

const fs::path kShipped = fs::path(SUFFICE_SOURCE_DIR) / "examples" / "prompts";

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

TEST(PromptLibrary, EveryShippedPromptLoadsAndGivesTheLintNothingToSay) {
  const Result<PromptLibrary> library = PromptLibrary::load({kShipped});

  ASSERT_TRUE(library) << library.error().message;
  EXPECT_EQ(library->references().size(), 11U);
  for (const std::string& reference : library->references()) {
    const auto prompt = library->find(reference);
    EXPECT_EQ(prompt->reference(), reference);
    EXPECT_EQ(prompt->digest.size(), 64U);
    if (prompt->parser != Parser::Text) EXPECT_THAT(lint(*prompt), IsEmpty()) << reference;
  }
  EXPECT_EQ(library->find("nobody@1"), nullptr);
}

TEST(PromptLibrary, ShippedSpecialistsSendTheTrainedContractAndNothingElse) {
  const Result<PromptLibrary> library = PromptLibrary::load({kShipped});
  ASSERT_TRUE(library) << library.error().message;
  for (const std::string task : {"classify_issue", "it_ticket", "intent"}) {
    const auto prompt = library->find(task + "_mini@1");
    ASSERT_TRUE(prompt) << task;

    const auto rendered = render(*prompt, said("  some text \n"), {});

    ASSERT_TRUE(rendered) << rendered.error().message;
    ASSERT_EQ(rendered->messages.size(), 2U);
    EXPECT_EQ(rendered->messages[0], Message::of(Role::System, task));
    EXPECT_EQ(rendered->messages[1], Message::of(Role::User, "some text"));
  }
}

TEST(PromptLibrary, ListsEveryProblemOfEveryFile) {
  const fs::path folder = fs::temp_directory_path() / ("suffice_prompts_" + std::to_string(::getpid()));
  fs::create_directories(folder / "one");
  fs::create_directories(folder / "two");
  std::ofstream(folder / "one" / "1.yaml") << "name: won\nversion: 2\ndescription: d\nsystem: s\nruls: [x]\n";
  std::ofstream(folder / "one" / "2.yaml") << "name: won\nversion: 3\ndescription: d\n";
  std::ofstream(folder / "two" / "1.yaml") << "name: two\nversion: 1\ndescription: d\nsystem: s\nparser: json\n"
                                              "schema: {type: object, required: [a]}\n"
                                              "examples: [{input: x, output: 'no json'}, {input: y, output: '{}'}]\n";

  const Result<PromptLibrary> library = PromptLibrary::load({folder, folder / "gone"});
  fs::remove_all(folder);

  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, ErrorCode::PolicyInvalid);
  const std::string& message = library.error().message;
  EXPECT_THAT(message, HasSubstr("one/1.yaml:5:1: ruls: unknown key (did you mean \"rules\"?)"));
  EXPECT_THAT(message, HasSubstr("one/2.yaml:1:7: name: the folder is called \"one\"; the two must agree"));
  EXPECT_THAT(message, HasSubstr("one/2.yaml:2:10: version: the file is called \"2.yaml\"; the two must agree"));
  EXPECT_THAT(message, HasSubstr("a prompt needs system"));
  EXPECT_THAT(message, HasSubstr("examples[0].output: not JSON, though parser is json"));
  EXPECT_THAT(message, HasSubstr("examples[1].output: does not satisfy the prompt's own schema"));
  EXPECT_THAT(message, HasSubstr("gone: no such folder of prompts"));
}

TEST(ReadPrompt, ASpecialistMayHoldOnlyItsTaskWord) {
  std::vector<policy::Problem> problems;
  const auto prompt = read_prompt(
      "name: mini\nversion: 1\ndescription: d\nspecialist: yes\nsystem: two words\nreminder: r\ninput: {keep: end}\n",
      "mini/1.yaml", problems);

  EXPECT_EQ(prompt, nullptr);
  const std::string lines = policy::to_lines(problems);
  EXPECT_THAT(lines, HasSubstr("the one task word"));
  EXPECT_THAT(lines, HasSubstr("reminder: is never sent to a specialist"));
  EXPECT_THAT(lines, HasSubstr("keep and chars_max go together"));
}

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
  prompt.keep = Keep::End;
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

TEST(Lint, NamesWhatHurtsSmallModels) {
  Prompt prompt = general();
  prompt.reminder.clear();
  prompt.tie_break.clear();
  prompt.parser = Parser::Json;
  prompt.examples = {{.input = "x", .output = R"({"a":1})", .why = "", .wrong = ""},
                     {.input = "y", .output = R"({"b":1})", .why = "", .wrong = ""}};

  EXPECT_THAT(lint(prompt), ::testing::ElementsAre(HasSubstr("no reminder"), HasSubstr("no wrong answer"),
                                                   HasSubstr("no tie-break"), HasSubstr("different shape")));
}

}  // namespace
}  // namespace suffice::prompts
