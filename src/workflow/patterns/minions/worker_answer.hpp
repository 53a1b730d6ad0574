#pragma once
// What a worker answered about a chunk: a finding, an abstention, or something that must be asked again.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/chat.hpp"
#include "workflow/patterns/minions/limits.hpp"

namespace suffice::workflow::minions {

/// The words of a model, not yet believed.
struct WorkerAnswer {
  enum class Kind : std::uint8_t {
    Found,      ///< there is an answer; its citation is not verified yet
    Abstained,  ///< the worker says that the chunk does not help
    Malformed,  ///< cut off, no JSON, or of another shape: `problem` says which, without quoting it
  };
  Kind kind = Kind::Malformed;
  std::string explanation;
  std::string citation;
  std::string answer;
  std::string problem;
};

/// How the worker's text came to its end.
enum class Ending : std::uint8_t { Complete, Truncated };

/// Reads {"explanation", "citation", "answer"}, alone or in one code fence.
///
/// An abstention is an answer that says nothing (json_answer.hpp: null, empty, "none" in any spelling), or such a word alone instead of an
/// object. A Truncated text is Malformed even where it happens to be JSON. Citation and explanation may be null or missing; other
/// members are left out. Never throws, whatever the bytes; any thread.
[[nodiscard]] WorkerAnswer parse_worker_answer(std::string_view text, Ending ending);

/// The JSON Schema of a worker's answer, for engines that can enforce one.
[[nodiscard]] JsonText worker_schema(const Limits& limits);

}  // namespace suffice::workflow::minions
