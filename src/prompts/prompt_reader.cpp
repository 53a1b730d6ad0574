#include "prompts/prompt_reader.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/error_code.hpp>
#include <fmt/format.h>

#include "core/hash.hpp"
#include "core/text.hpp"
#include "policy/fields.hpp"
#include "policy/schema_check.hpp"
#include "policy/yaml_document.hpp"

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
  if (input.has("keep")) prompt.keep = input.text("keep") == "end" ? Keep::End : Keep::Start;
  prompt.input_chars_max = input.integer("chars_max", 0);
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
  prompt.tests = read_list<PromptTest>(fields, "tests", [](const Fields& one) {
    return PromptTest{.input = one.text("input"), .output = one.text("output"), .contains = one.text("contains")};
  });
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
    answers();
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
    if ((prompt_.keep == Keep::All) != (prompt_.input_chars_max == 0)) {
      say("/input", "keep and chars_max go together");
    }
  }

  void specialist() {
    const bool one_word = !prompt_.system.empty() && prompt_.system.find_first_of(" \t\r\n") == std::string::npos;
    if (!one_word) say("/system", "a specialist's system is the one task word it was trained with");
    for (const std::string_view key : {"rules", "categories", "tie_break", "examples", "reminder", "schema", "cut"}) {
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
    } else {
      schema_.emplace(prompt_.schema.text);
    }
  }

  void answers() {
    for (std::size_t i = 0; i < prompt_.examples.size(); ++i) {
      answer(prompt_.examples[i].output, child(child(child("", "examples"), i), "output"));
    }
    for (std::size_t i = 0; i < prompt_.tests.size(); ++i) {
      const PromptTest& test = prompt_.tests[i];
      if (test.output.empty() && test.contains.empty())
        say(child("/tests", i), "checks nothing; give output or contains");
      if (!test.output.empty()) answer(test.output, child(child("/tests", i), "output"));
    }
  }

  void answer(const std::string& output, const policy::Pointer& at) {
    const bool is_label =
        std::ranges::any_of(prompt_.categories, [&](const Category& category) { return category.label == output; });
    if (prompt_.parser == Parser::Label && !prompt_.categories.empty() && !is_label) {
      say(at, "not one of the categories' labels");
    }
    if (prompt_.parser != Parser::Json) return;
    boost::system::error_code error;
    const json::value value = json::parse(output, error);
    if (error) {
      say(at, "not JSON, though parser is json");
    } else if (schema_ && !schema_->valid(value)) {
      say(at, "does not satisfy the prompt's own schema");
    }
  }

  const Prompt& prompt_;
  const YamlDocument& document_;
  Fields fields_;
  std::vector<Problem>& problems_;
  std::optional<policy::SchemaCheck> schema_;
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
  prompt.digest = sha256_hex(yaml);
  PromptChecks(prompt, document, problems).run(file);
  return problems.size() == before ? std::make_shared<const Prompt>(std::move(prompt)) : nullptr;
}

}  // namespace suffice::prompts
