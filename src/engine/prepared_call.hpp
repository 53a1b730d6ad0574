#pragma once
// A call worked out as far as it can be without computing: its tokens, its labels or grammar, and the room it needs.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "engine/adapters.hpp"
#include "engine/counters.hpp"
#include "engine/decoder.hpp"
#include "engine/job_queue.hpp"
#include "engine/label_cache.hpp"

namespace suffice::engine {

struct PreparedCall {
  std::shared_ptr<Job> job;
  AdapterSet adapters;
  PromptTokens prompt;
  std::shared_ptr<const LabelList> labels;  ///< of a label task; null for text
  std::string gbnf;                         ///< empty for free text
  std::int64_t tokens_max = 0;              ///< of one answer
  std::size_t sequences = 1;                ///< answers written side by side
  std::size_t cells = 0;                    ///< memory for the prompt and every answer at its longest
  std::uint64_t render_us = 0;

  [[nodiscard]] const wire::EngineCall& call() const { return std::get<wire::EngineCall>(job->request()); }
};

/// What prepare() needs; all of it outlives the calls.
struct Preparation {
  const Language& language;
  const AdapterShelf& adapters;
  LabelCache& labels;
  Counters& counters;
};

/// Most answers to one call.
inline constexpr std::uint32_t kSamplesMax = 16;

/// `job` holds an EngineCall. Errors: InvalidArgument (messages, stops, samples, labels, expressions), ContextOverflow (it
/// can never fit; nothing is ever cut), UnsupportedField (schema keywords), NotFound (adapters).
[[nodiscard]] Result<PreparedCall> prepare(const Preparation& with, std::shared_ptr<Job> job, std::size_t call_tokens,
                                           std::size_t cells);

}  // namespace suffice::engine
