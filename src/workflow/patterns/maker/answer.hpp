#pragma once
// From what a model wrote to a vote: the parsed pair (action, next state), or the red flag that discards it.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "core/chat.hpp"
#include "gate/json_schema.hpp"
#include "workflow/patterns/maker/canonical.hpp"
#include "workflow/patterns/maker/voting.hpp"

namespace suffice::workflow::maker {

/// What one call brought.
struct Sample {
  std::string text;
  FinishReason finish = FinishReason::Stop;
};

/// What a step's answer must look like. The same for every model, the frontier too.
struct AnswerFormat {
  enum class Shape : std::uint8_t {
    Pair,   ///< {"action": ..., "state": ...}, two members and no more
    Value,  ///< the text is the next state, and the action; for models that cannot write JSON
  };
  Shape shape = Shape::Pair;
  CanonicalForm action = CanonicalForm::Json;  ///< Pair only
  CanonicalForm state = CanonicalForm::Json;
  std::size_t bytes_max = 2'000;  ///< longer outputs are red flags: a model that rambles is more often wrong
  std::shared_ptr<const gate::JsonSchema> action_schema = nullptr;  ///< Pair only; null: any
  std::shared_ptr<const gate::JsonSchema> state_schema = nullptr;   ///< null: any
};

/// JSON texts, in canonical form where the task's form is number or json.
struct StepAnswer {
  std::string action;
  std::string state;
  bool operator==(const StepAnswer&) const = default;
};

struct Vote {
  StepAnswer answer;
  std::string canonical;  ///< what votes are compared by
};

/// Reads, never repairs: white space around the answer is all that is forgiven, Markdown fences are not. Pure; any thread.
[[nodiscard]] std::expected<Vote, RedFlag> read_vote(const AnswerFormat& format, const Sample& sample);

}  // namespace suffice::workflow::maker
