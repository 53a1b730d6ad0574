#pragma once
// Randomness as a parameter: seeded where it must repeat, from the system where it must not.

#include <cstdint>

namespace suffice {

/// Source of uniform bits. Not shared between threads unless the class says so.
class Random {
 public:
  virtual ~Random() = default;
  [[nodiscard]] virtual std::uint64_t next() = 0;
  /// Uniform in [0, 1), 53 bits.
  [[nodiscard]] double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  /// Uniform in [0, bound) for bound > 0 (Lemire's multiply-shift; bias under 2^-64 * bound).
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
  }

 private:
  /// No ISO C++ type: without the mark, g++ with -Wpedantic rejects it.
  __extension__ using Wide = unsigned __int128;
};

/// SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same sequence on every platform. One thread.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  [[nodiscard]] std::uint64_t next() override {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

/// The operating system's generator, buffered per thread. Any thread.
class SystemRandom final : public Random {
 public:
  [[nodiscard]] std::uint64_t next() override;
};

}  // namespace suffice
