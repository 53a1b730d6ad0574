#pragma once
// Units in the type: money and probabilities that cannot be mixed up with bare numbers.

#include <cmath>
#include <compare>
#include <cstdint>

namespace suffice {

/// US dollars in whole nanodollars, so that sums are exact (a 1-token call of a 0.15 $/M model costs 150 nanodollars).
struct Usd {
  std::int64_t nanos = 0;

  static constexpr Usd from_dollars(double dollars) {
    return Usd{static_cast<std::int64_t>(dollars * 1e9 + (dollars < 0 ? -0.5 : 0.5))};
  }
  [[nodiscard]] constexpr double dollars() const { return static_cast<double>(nanos) / 1e9; }
  constexpr Usd& operator+=(Usd other) {
    nanos += other.nanos;
    return *this;
  }
  friend constexpr Usd operator+(Usd a, Usd b) { return Usd{a.nanos + b.nanos}; }
  friend constexpr Usd operator-(Usd a, Usd b) { return Usd{a.nanos - b.nanos}; }
  constexpr auto operator<=>(const Usd&) const = default;
};

/// A number in [0, 1]; `clamp` maps NaN to 0 because an unknown probability never accepts anything.
struct Probability {
  double value = 0;

  static Probability clamp(double raw) {
    return Probability{std::isnan(raw) ? 0.0 : std::fmin(1.0, std::fmax(0.0, raw))};
  }
  constexpr auto operator<=>(const Probability&) const = default;
};

}  // namespace suffice
