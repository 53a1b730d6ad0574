// Prompt files as shipped and as broken.

#include "prompts/prompt.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>

#include "prompts/lint.hpp"
#include "prompts/prompt_lock.hpp"
#include "prompts/prompt_reader.hpp"
#include "prompts/render.hpp"

namespace suffice::prompts {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;

const fs::path kShipped = fs::path(SUFFICE_SOURCE_DIR) / "examples" / "prompts";

/// A folder of its own, gone at the end.
struct TemporaryFolder {
  TemporaryFolder() : path(fs::temp_directory_path() / ("suffice_prompts_" + std::to_string(::getpid()))) {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~TemporaryFolder() { fs::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((path / file).parent_path());
    std::ofstream(path / file) << text;
  }
  fs::path path;
};

std::vector<Message> said(const std::string& text) { return {Message::of(Role::User, text)}; }

/// What reading `yaml` as p/1.yaml says, one problem a line.
std::string problems_of(const std::string& yaml) {
  std::vector<policy::Problem> problems;
  const auto prompt = read_prompt("name: p\nversion: 1\ndescription: d\n" + yaml, "p/1.yaml", problems);
  EXPECT_EQ(prompt == nullptr, !problems.empty());
  return policy::to_lines(problems);
}

TEST(PromptLibrary, EveryShippedPromptLoadsAndGivesTheLintNothingToSay) {
  const Result<PromptLibrary> library = PromptLibrary::load({kShipped});

  ASSERT_TRUE(library) << library.error().message;
  EXPECT_GE(library->references().size(), 13U);
  for (const std::string& reference : library->references()) {
    const auto prompt = library->find(reference);
    EXPECT_EQ(prompt->reference(), reference);
    EXPECT_EQ(prompt->digest.size(), 64U);
    for (const policy::Problem& problem : lint_with_places(*prompt)) ADD_FAILURE() << problem.to_string();
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
  const TemporaryFolder folder;
  folder.write("one/1.yaml", "name: won\nversion: 2\ndescription: d\nsystem: s\nruls: [x]\n");
  folder.write("one/2.yaml", "name: won\nversion: 3\ndescription: d\n");
  folder.write("two/1.yaml",
               "name: two\nversion: 1\ndescription: d\nsystem: s\nparser: json\n"
               "schema: {type: object, required: [a]}\n"
               "examples: [{input: x, output: 'no json'}, {input: y, output: '{}'}]\n");

  const Result<PromptLibrary> library = PromptLibrary::load({folder.path, folder.path / "gone"});

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

TEST(PromptLibrary, ReadsEveryPartOfAPrompt) {
  std::vector<policy::Problem> problems;
  const auto prompt = read_prompt(
      "name: p\nversion: 2\ndescription: d\nsystem: s\nparser: json\n"
      "contrasts: [{input: i, correct: '{\"a\":1}', incorrect: one, why: no JSON}]\n"
      "input: {wrap: 'T: {input}', reduce: build_log, chars_max: 3000}\n"
      "tests:\n- {name: n, input: x, contains: a, lacks: [b, c], fields: {a: 1}, answer: '{\"a\": 1}'}\n",
      "p/2.yaml", problems);

  ASSERT_TRUE(prompt) << policy::to_lines(problems);
  EXPECT_EQ(prompt->contrasts,
            (std::vector<Contrast>{{.input = "i", .correct = R"({"a":1})", .incorrect = "one", .why = "no JSON"}}));
  EXPECT_EQ(prompt->long_input, LongInput::BuildLog);
  EXPECT_EQ(prompt->input_chars_max, 3000);
  EXPECT_EQ(prompt->tests, (std::vector<PromptTest>{{.name = "n",
                                                     .input = "x",
                                                     .output = "",
                                                     .contains = {"a"},
                                                     .lacks = {"b", "c"},
                                                     .fields = {R"({"a":1})"},
                                                     .answer = R"({"a": 1})"}}));
}

TEST(ReadPrompt, SaysWhatASchemaCannot) {
  const struct {
    const char* name;
    std::string yaml;
    const char* problem;
  } cases[] = {
      {"a wrong answer that is right", "system: s\nexamples: [{input: x, output: a, wrong: ' a '}]\n",
       "examples[0].wrong: is read as the right answer"},
      {"a contrast without difference", "system: s\ncontrasts: [{correct: a, incorrect: a, why: w}]\n",
       "contrasts[0].incorrect: is read as the right answer"},
      {"a test that expects nothing", "system: s\ntests: [{input: x, answer: y}]\n", "tests[0]: checks nothing"},
      {"fields of a text", "system: s\ntests: [{input: x, fields: {a: 1}}]\n", "tests[0].fields: needs parser: json"},
      {"two ways to shorten", "system: s\ninput: {keep: end, reduce: build_log, chars_max: 9}\n",
       "input.reduce: reduce stands instead of keep"},
      {"an output that is no label",
       "system: s\nparser: label\ncategories: [{label: A, when: a}, {label: B, when: b}]\ntests: [{input: x, output: C}]\n",
       "tests[0].output: not one of the categories' labels"},
      {"a label in other letters",
       "system: s\nparser: label\ncategories: [{label: A, when: a}, {label: B, when: b}]\ntests: [{input: x, output: a}]\n",
       "tests[0].output: write the label as it is declared: A"},
      {"a list that holds a number", "system: s\ntests: [{input: x, contains: [1]}]\n",
       "tests[0].contains[0]: expected a text"},
  };
  for (const auto& one : cases) EXPECT_THAT(problems_of(one.yaml), HasSubstr(one.problem)) << one.name;
}

TEST(PromptDigest, ChangesWithWhatIsSentAndReadAndNotWithTestsOrComments) {
  const auto digest = [](const std::string& yaml) {
    std::vector<policy::Problem> problems;
    return read_prompt("name: p\nversion: 1\n" + yaml, "p/1.yaml", problems)->digest;
  };
  const std::string shipped = digest("description: d\nsystem: s\nreminder: r\n");

  EXPECT_EQ(digest("# a comment\ndescription: e\nreminder: r\nsystem: 's'\ntests: [{input: x, contains: y}]\n"),
            shipped);
  EXPECT_NE(digest("description: d\nsystem: s\nreminder: r.\n"), shipped);
  EXPECT_NE(digest("description: d\nsystem: s\nreminder: r\nmax_output_tokens: 9\n"), shipped);
}

TEST(PromptLock, AShippedVersionMayNeitherChangeNorGo) {
  const TemporaryFolder folder;
  const std::string first = "name: a\nversion: 1\ndescription: d\nsystem: s\n";
  folder.write("a/1.yaml", first);
  folder.write("b/1.yaml", "name: b\nversion: 1\ndescription: d\nsystem: s\n");
  std::vector<policy::Problem> problems;
  PromptLock lock = PromptLock::load(folder.path, problems);
  const Result<PromptLibrary> before = PromptLibrary::load({folder.path});
  ASSERT_TRUE(before);
  for (const std::string& reference : before->references()) lock.add(*before->find(reference));
  ASSERT_TRUE(lock.save());

  folder.write("c/1.yaml", "name: c\nversion: 1\ndescription: d\nsystem: a draft\n");
  EXPECT_TRUE(PromptLibrary::load({folder.path})) << "a new version is a draft until it is locked";

  folder.write("a/1.yaml", first + "reminder: r\n");
  fs::remove(folder.path / "b" / "1.yaml");
  const Result<PromptLibrary> after = PromptLibrary::load({folder.path});

  ASSERT_FALSE(after);
  EXPECT_THAT(after.error().message, HasSubstr("a@1 was shipped (prompts.lock) and has changed since"));
  EXPECT_THAT(after.error().message, HasSubstr("write the change as a new version, 2.yaml"));
  EXPECT_THAT(after.error().message, HasSubstr("b@1 was shipped and is gone"));
}

TEST(PromptLock, NamesALineThatIsNone) {
  const TemporaryFolder folder;
  folder.write("prompts.lock", "# a comment\n\na@1 short\n");
  std::vector<policy::Problem> problems;

  PromptLock::load(folder.path, problems);

  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].to_string(), HasSubstr("prompts.lock:3:1: not a line NAME@VERSION DIGEST"));
}

TEST(PromptLock, HoldsEveryShippedPrompt) {
  std::vector<policy::Problem> problems;
  const PromptLock lock = PromptLock::load(kShipped, problems);
  const Result<PromptLibrary> library = PromptLibrary::load({kShipped});
  ASSERT_TRUE(library) << library.error().message;

  for (const std::string& reference : library->references()) {
    EXPECT_TRUE(lock.holds(reference)) << reference << ": run `suffice prompts lock --prompts examples/prompts`";
  }
}

}  // namespace
}  // namespace suffice::prompts
