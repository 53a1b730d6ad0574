#pragma once
// Prompt: one version of one prompt file as a value, and the library of all of them. render.hpp makes messages of it.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"

namespace suffice::prompts {

/// What the answer is.
enum class Parser : std::uint8_t { Text, Label, Json };
/// What may be left out when the context is too small. Nothing else is ever left out.
enum class CutPolicy : std::uint8_t { Nothing, Examples };
/// What becomes of a text that is longer than `input_chars_max`, or than the context has room for.
enum class LongInput : std::uint8_t {
  Refuse,    ///< it is not sent: input_too_large
  Start,     ///< its beginning is sent
  End,       ///< its end is sent
  BuildLog,  ///< its errors and its end are sent (log_reducer.hpp)
};

/// A label and its boundary.
struct Category {
  std::string label;
  std::string when;
  std::string not_when;
  bool operator==(const Category&) const = default;
};

struct Example {
  std::string input;
  std::string output;
  std::string why;    ///< for people; never sent
  std::string wrong;  ///< a wrong answer to the same input, shown as such; may be empty
  bool operator==(const Example&) const = default;
};

/// A right answer beside a wrong one, and why: shown to the model as such.
struct Contrast {
  std::string input;  ///< may be empty: the difference is one of form
  std::string correct;
  std::string incorrect;
  std::string why;
  bool operator==(const Contrast&) const = default;
};

/// An input and what the answer to it must be. An expectation that is absent is not checked; at least one is there.
struct PromptTest {
  std::string name;  ///< may be empty
  std::string input;
  std::string output;                 ///< the exact answer, as the prompt's parser reads it
  std::vector<std::string> contains;  ///< texts the answer must hold
  std::vector<std::string> lacks;     ///< texts it must not hold
  JsonText fields;                    ///< members that a JSON answer must have with these values
  std::string answer;                 ///< what the scripted model says; empty: `output`
  bool operator==(const PromptTest&) const = default;
};

/// Immutable after load; shared between threads.
struct Prompt {
  std::string name;
  int version = 0;
  /// SHA-256, 64 hex digits, of all that decides what is sent and read: the file's values in canonical JSON without
  /// `description` and `tests`. A version keeps it for ever (prompt_lock.hpp); comments and new tests do not change it.
  std::string digest;
  std::filesystem::path file;
  std::string description;
  bool specialist = false;  ///< the model was trained for this task: `system` and the text are all that is sent
  std::string system;
  JsonText schema;
  std::vector<std::string> rules;
  std::vector<Category> categories;
  std::vector<std::string> tie_break;
  std::vector<Contrast> contrasts;
  std::vector<Example> examples;
  std::string reminder;
  std::optional<std::int64_t> max_output_tokens;
  std::string wrap = "{input}";  ///< holds {input} once
  LongInput long_input = LongInput::Refuse;
  std::int64_t input_chars_max = 0;  ///< characters sent of the text; 0: as many as the context has room for
  Parser parser = Parser::Text;
  CutPolicy cut = CutPolicy::Nothing;
  std::vector<PromptTest> tests;

  /// "classify_issue@1", as policies and audit events name it.
  [[nodiscard]] std::string reference() const { return name + "@" + std::to_string(version); }
};

/// Every prompt of some folders. Copies share the prompts. Any thread.
class PromptLibrary {
 public:
  PromptLibrary() = default;

  /// Reads NAME/VERSION.yaml below each folder. PolicyInvalid lists every problem of every file, one a line, with line
  /// and column; so does a folder that is not there, a prompt that two folders have, and one that is not what the
  /// folder's prompts.lock says was shipped.
  static Result<PromptLibrary> load(const std::vector<std::filesystem::path>& folders);

  /// The prompt name@version; null when there is none.
  [[nodiscard]] std::shared_ptr<const Prompt> find(std::string_view reference) const;
  /// References of all prompts, sorted.
  [[nodiscard]] std::vector<std::string> references() const;

 private:
  std::map<std::string, std::shared_ptr<const Prompt>, std::less<>> prompts_;
};

}  // namespace suffice::prompts
