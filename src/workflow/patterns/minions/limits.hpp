#pragma once
// What bounds one run of MINIONS. Every loop, list and text of the protocol has its limit here.

#include <cstddef>

#include "core/result.hpp"

namespace suffice::workflow::minions {

inline constexpr std::size_t kRoundsMax = 5;  ///< whatever a file asks for

struct Limits {
  std::size_t rounds_max = 3;
  std::size_t tasks_max = 3;    ///< a round
  std::size_t jobs_max = 512;   ///< a round: tasks x chunks x samples
  std::size_t samples_max = 4;  ///< answers of one task on one chunk
  /// Chunks overlap by at least the longest expected fact, so that no cut goes through one: in bytes where chunks are slices of bytes, else
  /// in turns, lines or sentences. A manifest may ask for more.
  std::size_t fact_bytes = 200;
  std::size_t fact_units = 1;
  std::size_t chunk_bytes_max = 12'000;    ///< a longer chunk is cut further: what a worker's window holds
  std::size_t citation_bytes_max = 600;    ///< a longer citation is refused, so that "citing" cannot copy a chunk out
  std::size_t cited_bytes_max = 24'000;    ///< bytes of the document that may leave in one run, each byte counted once
  std::size_t note_characters_max = 2000;  ///< the frontier's advice, feedback and scratchpad, each

  /// InvalidArgument naming the first limit that is 0, too large or at odds with another.
  [[nodiscard]] Result<void> check() const;
};

}  // namespace suffice::workflow::minions
