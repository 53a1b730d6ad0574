#include "prompts/prompt_reader.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "core/hash.hpp"
#include "core/text.hpp"
#include "policy/fields.hpp"
#include "policy/schema_check.hpp"
#include "policy/yaml_document.hpp"
#include "prompts/answer_check.hpp"
#include "wire/json.hpp"

namespace suffice::prompts {

namespace json = boost::json;
using policy::child;
using policy::Fields;
using policy::Problem;
using policy::YamlDocument;

namespace {

constexpr std::string_view kInput = "{input}";

template <class Entry, class Read>
std::vector<Entry> read_list(const Fields& fields, std::string_view key, Read read) {
  std::vector<Entry> entries;
  const json::value* list = fields.find(key);
  if (list == nullptr || !list->is_array()) return entries;
  for (const json::value& element : list->get_array()) entries.push_back(read(Fields(&element)));
  return entries;
}

Parser parser_named(const std::string& word) {
  if (word == "label") return Parser::Label;
  return word == "json" ? Parser::Json : Parser::Text;
}

void read_input(const Fields& input, Prompt& prompt) {
  prompt.wrap = input.text("wrap", kInput);
  if (input.has("keep")) prompt.long_input = input.text("keep") == "end" ? LongInput::End : LongInput::Start;
  if (input.has("reduce")) prompt.long_input = LongInput::BuildLog;
  prompt.input_chars_max = input.integer("chars_max", 0);
}

/// A text or a list of texts.
std::vector<std::string> one_or_more(const Fields& fields, std::string_view key) {
  std::vector<std::string> texts = fields.texts(key);
  if (std::string text = fields.text(key); !text.empty()) texts.push_back(std::move(text));
  return texts;
}

PromptTest read_test(const Fields& fields) {
  PromptTest test{.name = fields.text("name"),
                  .input = fields.text("input"),
                  .output = fields.text("output"),
                  .contains = one_or_more(fields, "contains"),
                  .lacks = one_or_more(fields, "lacks"),
                  .fields = {},
                  .answer = fields.text("answer")};
  if (const json::value* members = fields.find("fields")) test.fields = wire::to_json_text(*members);
  return test;
}

/// What the digest of a version is made of: everything but what is for people and for tests.
std::string digest_of(const json::value& root) {
  json::object counted = root.as_object();
  counted.erase("description");
  counted.erase("tests");
  return sha256_hex(wire::canonical_json(counted));
}

Prompt read_fields(const Fields& fields) {
  Prompt prompt;
  prompt.name = fields.text("name");
  prompt.version = static_cast<int>(fields.integer("version", 0));
  prompt.description = fields.text("description");
  prompt.specialist = fields.flag("specialist", false);
  prompt.system = std::string(trim(fields.text("system")));
  if (const json::value* schema = fields.find("schema")) prompt.schema.text = json::serialize(*schema);
  prompt.rules = fields.texts("rules");
  prompt.categories = read_list<Category>(fields, "categories", [](const Fields& one) {
    return Category{.label = one.text("label"), .when = one.text("when"), .not_when = one.text("not")};
  });
  prompt.tie_break = fields.texts("tie_break");
  prompt.contrasts = read_list<Contrast>(fields, "contrasts", [](const Fields& one) {
    return Contrast{.input = one.text("input"),
                    .correct = std::string(trim(one.text("correct"))),
                    .incorrect = std::string(trim(one.text("incorrect"))),
                    .why = one.text("why")};
  });
  prompt.examples = read_list<Example>(fields, "examples", [](const Fields& one) {
    return Example{.input = one.text("input"),
                   .output = std::string(trim(one.text("output"))),
                   .why = one.text("why"),
                   .wrong = one.text("wrong")};
  });
  prompt.reminder = std::string(trim(fields.text("reminder")));
  prompt.max_output_tokens = fields.integer("max_output_tokens");
  read_input(fields.below("input"), prompt);
  prompt.parser = parser_named(fields.text("parser"));
  prompt.cut = fields.text("cut") == "examples" ? CutPolicy::Examples : CutPolicy::Nothing;
  prompt.tests = read_list<PromptTest>(fields, "tests", read_test);
  return prompt;
}

/// What the schema of prompt files cannot say.
class PromptChecks {
 public:
  PromptChecks(const Prompt& prompt, const YamlDocument& document, std::vector<Problem>& problems)
      : prompt_(prompt), document_(document), fields_(&document.root()), problems_(problems) {}

  void run(const std::filesystem::path& file) {
    place(file);
    input();
    if (prompt_.specialist) {
      specialist();
    } else if (prompt_.system.empty()) {
      say("", "a prompt needs system, unless it is for a specialist");
    }
    categories();
    schema();
    if (usable_) answers();
  }

 private:
  void say(const policy::Pointer& at, std::string message) {
    problems_.push_back(document_.at_value(at, std::move(message)));
  }

  void place(const std::filesystem::path& file) {
    const std::string folder = file.parent_path().filename().string();
    if (prompt_.name != folder) say("/name", fmt::format("the folder is called \"{}\"; the two must agree", folder));
    const std::string stem = file.stem().string();
    if (std::to_string(prompt_.version) != stem) {
      say("/version", fmt::format("the file is called \"{}.yaml\"; the two must agree", stem));
    }
  }

  void input() {
    const auto first = prompt_.wrap.find(kInput);
    if (first == std::string::npos || prompt_.wrap.find(kInput, first + 1) != std::string::npos) {
      say("/input/wrap", "must hold {input} exactly once");
    }
    const Fields input = fields_.below("input");
    if (input.has("keep") != (input.has("chars_max") && !input.has("reduce"))) {
      say("/input", "keep and chars_max go together");
    }
    if (input.has("keep") && input.has("reduce")) say("/input/reduce", "reduce stands instead of keep; remove one");
  }

  void specialist() {
    const bool one_word = !prompt_.system.empty() && prompt_.system.find_first_of(" \t\r\n") == std::string::npos;
    if (!one_word) say("/system", "a specialist's system is the one task word it was trained with");
    for (const std::string_view key :
         {"rules", "categories", "tie_break", "contrasts", "examples", "reminder", "schema", "cut"}) {
      if (fields_.has(key)) say(child("", key), "is never sent to a specialist; remove it");
    }
  }

  void categories() {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < prompt_.categories.size(); ++i) {
      if (!seen.insert(fold_case(trim(prompt_.categories[i].label))).second) {
        say(child(child(child("", "categories"), i), "label"), "the same label as an earlier one");
      }
    }
  }

  void schema() {
    if (prompt_.schema.empty()) return;
    if (const auto defect = policy::schema_defect(json::parse(prompt_.schema.text))) {
      say("/schema", fmt::format("not a JSON Schema: {}", *defect));
      usable_ = false;
    }
  }

  void answers() {
    for (std::size_t i = 0; i < prompt_.examples.size(); ++i) {
      const Example& example = prompt_.examples[i];
      const policy::Pointer at = child("/examples", i);
      right_answer(example.output, child(at, "output"));
      wrong_answer(example.output, example.wrong, child(at, "wrong"));
    }
    for (std::size_t i = 0; i < prompt_.contrasts.size(); ++i) {
      const Contrast& contrast = prompt_.contrasts[i];
      right_answer(contrast.correct, child(child("/contrasts", i), "correct"));
      wrong_answer(contrast.correct, contrast.incorrect, child(child("/contrasts", i), "incorrect"));
    }
    for (std::size_t i = 0; i < prompt_.tests.size(); ++i) test(prompt_.tests[i], child("/tests", i));
  }

  void test(const PromptTest& test, const policy::Pointer& at) {
    const bool expects = !test.output.empty() || !test.contains.empty() || !test.lacks.empty() || !test.fields.empty();
    if (!expects) say(at, "checks nothing; give output, contains, lacks or fields");
    if (!test.fields.empty() && prompt_.parser != Parser::Json) say(child(at, "fields"), "needs parser: json");
    if (!test.output.empty()) right_answer(test.output, child(at, "output"));
  }

  void right_answer(const std::string& output, const policy::Pointer& at) {
    const Result<std::string> read = read_answer(prompt_, output);
    if (!read) {
      say(at, read.error().message);
    } else if (prompt_.parser == Parser::Label && !prompt_.categories.empty() && *read != output) {
      say(at, fmt::format("write the label as it is declared: {}", *read));
    }
  }

  void wrong_answer(const std::string& right, const std::string& wrong, const policy::Pointer& at) {
    if (wrong.empty()) return;
    const Result<std::string> read = read_answer(prompt_, wrong);
    const Result<std::string> expected = read_answer(prompt_, right);
    if (read && expected && *read == *expected) say(at, "is read as the right answer, so it shows nothing");
  }

  const Prompt& prompt_;
  const YamlDocument& document_;
  Fields fields_;
  std::vector<Problem>& problems_;
  bool usable_ = true;
};

}  // namespace

std::shared_ptr<const Prompt> read_prompt(std::string_view yaml, const std::filesystem::path& file,
                                          std::vector<Problem>& problems) {
  const std::size_t before = problems.size();
  const YamlDocument document = YamlDocument::parse(yaml, file.string(), problems);
  if (problems.size() == before && document.root().is_null()) {
    problems.push_back({file.string(), 0, 0, "", "the file is empty"});
  }
  if (document.root().is_null() || !policy::prompt_schema().check(document, problems)) return nullptr;
  Prompt prompt = read_fields(Fields(&document.root()));
  prompt.digest = digest_of(document.root());
  prompt.file = file;
  PromptChecks(prompt, document, problems).run(file);
  return problems.size() == before ? std::make_shared<const Prompt>(std::move(prompt)) : nullptr;
}

}  // namespace suffice::prompts
