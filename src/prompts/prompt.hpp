#pragma once
// Prompt: one version of one prompt file, and how it becomes the messages of a call.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
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
/// Which end of the caller's text is sent when it is longer than `input_chars_max`.
enum class Keep : std::uint8_t { All, Start, End };

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

struct PromptTest {
  std::string input;
  std::string output;    ///< the exact answer; empty: not compared
  std::string contains;  ///< text the answer must hold; empty: not compared
  bool operator==(const PromptTest&) const = default;
};

/// Immutable after load; shared between threads.
struct Prompt {
  std::string name;
  int version = 0;
  std::string digest;  ///< SHA-256 of the file, 64 hex digits: the same version must keep it
  std::string description;
  bool specialist = false;  ///< the model was trained for this task: `system` and the text are all that is sent
  std::string system;
  JsonText schema;
  std::vector<std::string> rules;
  std::vector<Category> categories;
  std::vector<std::string> tie_break;
  std::vector<Example> examples;
  std::string reminder;
  std::optional<std::int64_t> max_output_tokens;
  std::string wrap = "{input}";  ///< holds {input} once
  Keep keep = Keep::All;
  std::int64_t input_chars_max = 0;  ///< with Keep::Start and Keep::End
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
  /// and column; so does a folder that is not there, and a prompt that two folders have.
  static Result<PromptLibrary> load(const std::vector<std::filesystem::path>& folders);

  /// The prompt name@version; null when there is none.
  [[nodiscard]] std::shared_ptr<const Prompt> find(std::string_view reference) const;
  /// References of all prompts, sorted.
  [[nodiscard]] std::vector<std::string> references() const;

 private:
  std::map<std::string, std::shared_ptr<const Prompt>, std::less<>> prompts_;
};

/// Number of tokens of a text.
using TokenCounter = std::function<std::int64_t(std::string_view)>;
/// One token for every three bytes begun: above what the tokenizers of common models need for English text and code
/// (3.3 to 4.5 bytes a token), so that it errs towards refusing.
[[nodiscard]] std::int64_t estimate_tokens(std::string_view text);

struct RenderBudget {
  std::int64_t context_tokens = 0;  ///< prompt and output together; 0: unknown, so that nothing is checked or cut
  std::int64_t output_tokens = 512;
  TokenCounter count = estimate_tokens;
};

/// Something that was not sent, for the record; free of user text.
struct Cut {
  std::string what;  ///< "2 of 3 examples"
  std::string why;   ///< "context of 512 tokens"
  bool operator==(const Cut&) const = default;
};

struct Rendered {
  std::vector<Message> messages;
  std::vector<Cut> cut;
  std::int64_t prompt_tokens = 0;  ///< as the budget counts
};

/// The messages of one call.
///
/// The last user message is the input. The prompt gives the system message and the example turns; the caller's own
/// system text follows under "Context from the caller". For a specialist only its task word and the text are sent.
/// InvalidArgument without a user message; UnsupportedField when a specialist is given anything but text;
/// ContextOverflow when it does not fit after what the prompt allows to cut. Pure; any thread.
[[nodiscard]] Result<Rendered> render(const Prompt& prompt, std::span<const Message> caller_messages,
                                      const RenderBudget& budget);

/// What tends to hurt small models: a missing reminder behind the input, no or too many examples, no wrong example, no
/// tie-break, examples of different shape. For people; empty when there is nothing to say. None for a specialist.
[[nodiscard]] std::vector<std::string> lint(const Prompt& prompt);

}  // namespace suffice::prompts
