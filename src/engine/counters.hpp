#pragma once
// What the engine has done so far, as EnginePong reports it.

#include <atomic>
#include <cstdint>

namespace suffice::engine {

/// Totals that every thread adds to.
struct Counters {
  using Total = std::atomic<std::uint64_t>;
  Total progress{0};  ///< grows with every graph node computed
  std::atomic<std::uint32_t> busy{0};
  std::atomic<std::uint32_t> active{0};
  Total calls_done{0};
  Total calls_failed{0};
  Total calls_expired{0};
  Total calls_cancelled{0};
  Total calls_given_up{0};
  Total input_tokens{0};
  Total cached_input_tokens{0};
  Total output_tokens{0};
  Total prefix_hits{0};
  Total prefix_misses{0};
  Total label_list_hits{0};
  Total label_list_misses{0};
  Total decode_steps{0};
  Total decode_tokens{0};
  Total adapter_switches{0};
  Total texts_embedded{0};
};

}  // namespace suffice::engine
