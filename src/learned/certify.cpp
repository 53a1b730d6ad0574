#include "learned/certify.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>

#include <fmt/format.h>

#include "learned/intervals.hpp"

namespace suffice::learned {
namespace {

constexpr std::size_t kGridPoints = 50;
// With fewer failures allowed at the strictest threshold, one unlucky row ends the sequence: at half the bound's risk a start that allows
// six passes nine times in ten.
constexpr std::int64_t kFailuresAtStart = 6;
constexpr std::int64_t kRowsMax = 100'000'000;  // more labels than anybody will write

double delta(const CertificationTerms& terms) { return 1 - terms.confidence; }

/// Fewest rows above `low` that are `enough`, found by doubling and halving, as if more were never worse; kRowsMax when none are.
template <class Enough>
std::int64_t fewest_rows(std::int64_t low, const Enough& enough) {
  std::int64_t high = low + 1;
  while (high < kRowsMax && !enough(high)) {
    low = high;
    high *= 2;
  }
  while (high - low > 1 && high < kRowsMax) {
    const std::int64_t middle = low + (high - low) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return std::min(high, kRowsMax);
}

/// Fewest rows for which `failures` of them still certify.
std::int64_t rows_needed(std::int64_t failures, const CertificationTerms& terms) {
  return fewest_rows(failures, [&](std::int64_t rows) {
    return binomial_cdf(failures, rows, terms.false_accept_max) <= delta(terms);
  });
}

/// Fewest rows that certify when the share `rate` of them is wrong; nothing when none would be enough.
std::optional<std::int64_t> rows_needed_at_rate(double rate, const CertificationTerms& terms) {
  if (rate >= terms.false_accept_max) return std::nullopt;
  const std::int64_t rows = fewest_rows(rows_needed_without_failures(terms) - 1, [&](std::int64_t of) {
    const auto failures = static_cast<std::int64_t>(std::ceil(rate * static_cast<double>(of)));
    return binomial_cdf(failures, of, terms.false_accept_max) <= delta(terms);
  });
  if (rows >= kRowsMax) return std::nullopt;
  return rows;
}

/// Rows that make up the denominator of a test.
std::int64_t denominator(const ThresholdTest& test, std::int64_t rows, const CertificationTerms& terms) {
  return terms.unit == RiskUnit::Accepted ? test.accepted : rows;
}

/// The number of rows at which the strictest threshold would certify with the rate seen; were that too high, the least of the others.
std::optional<std::int64_t> rows_for_a_certificate(const Certification& made, const CertificationTerms& terms) {
  std::optional<std::int64_t> least;
  for (const ThresholdTest& test : made.tests) {
    const std::int64_t of = denominator(test, made.rows, terms);
    if (of == 0) continue;
    const auto needed = rows_needed_at_rate(static_cast<double>(test.failures) / static_cast<double>(of), terms);
    if (!needed) continue;
    const double scale = static_cast<double>(made.rows) / static_cast<double>(of);
    const auto all = static_cast<std::int64_t>(std::ceil(static_cast<double>(*needed) * scale));
    if (!least || all < *least) least = all;
    if (&test == &made.tests.front()) break;
  }
  return least;
}

void explain_refusal(Certification& made, const CertificationTerms& terms) {
  const std::int64_t fewest = rows_needed_without_failures(terms);
  const double percent = 100 * terms.false_accept_max;
  if (made.tests.empty()) {
    made.refusal = fmt::format(
        "{} rows to certify on; {} are the fewest that can show at most {:g} % wrong at {:g} % confidence, with none wrong",
        made.rows, fewest, percent, 100 * terms.confidence);
    made.more_rows = std::max<std::int64_t>(1, fewest - made.rows);
    return;
  }
  const ThresholdTest& first = made.tests.front();
  const std::int64_t of = denominator(first, made.rows, terms);
  made.refusal = fmt::format(
      "at the strictest threshold, {:.4f}, {} of {} {} are wrong, which does not show at most {:g} %", first.threshold,
      first.failures, of, terms.unit == RiskUnit::Accepted ? "accepted rows" : "rows", percent);
  const std::optional<std::int64_t> needed = rows_for_a_certificate(made, terms);
  if (!needed) {
    made.refusal +=
        "; no threshold of the grid is below that, so more labels would not help: a better model or signal would";
    return;
  }
  made.more_rows = std::max<std::int64_t>(1, *needed - made.rows);
}

}  // namespace

std::string_view name(RiskUnit unit) noexcept { return unit == RiskUnit::Accepted ? "accepted" : "all_traffic"; }

std::optional<RiskUnit> risk_unit(std::string_view word) noexcept {
  for (const RiskUnit unit : {RiskUnit::Accepted, RiskUnit::AllTraffic}) {
    if (name(unit) == word) return unit;
  }
  return std::nullopt;
}

std::int64_t rows_needed_without_failures(const CertificationTerms& terms) { return rows_needed(0, terms); }

std::vector<double> threshold_grid(std::span<const double> confidences, std::int64_t rows,
                                   const CertificationTerms& terms) {
  const std::int64_t fewest = rows_needed_without_failures(terms);
  if (confidences.empty() || rows < fewest) return {};
  std::vector<double> falling(confidences.begin(), confidences.end());
  std::ranges::sort(falling, std::greater<>());
  // At least a tenth above the fewest, so that chance does not leave the strictest threshold with too few.
  const double wished = static_cast<double>(rows_needed(kFailuresAtStart, terms));
  const double floor = 1.1 * static_cast<double>(fewest);
  const double start = std::clamp(
      std::max(floor, std::min(wished, static_cast<double>(rows) / 2)) / static_cast<double>(rows), 0.0, 1.0);
  std::vector<double> grid;
  for (std::size_t i = 0; i < kGridPoints; ++i) {
    const double share = start + (1 - start) * static_cast<double>(i) / static_cast<double>(kGridPoints - 1);
    const auto place = static_cast<std::size_t>(std::ceil(share * static_cast<double>(falling.size())));
    const double threshold = falling[std::clamp<std::size_t>(place, 1, falling.size()) - 1];
    if (grid.empty() || threshold < grid.back()) grid.push_back(threshold);
  }
  return grid;
}

Certification certify(std::span<const Outcome> rows, std::span<const double> grid, const CertificationTerms& terms) {
  std::vector<Outcome> falling(rows.begin(), rows.end());
  std::ranges::sort(falling, std::greater<>(), &Outcome::confidence);
  Certification made;
  made.rows = static_cast<std::int64_t>(rows.size());
  ThresholdTest sums;
  bool passing = true;
  for (const double threshold : grid) {
    for (auto next = static_cast<std::size_t>(sums.accepted);
         next < falling.size() && falling[next].confidence >= threshold; ++next) {
      ++sums.accepted;
      sums.failures += falling[next].correct ? 0 : 1;
    }
    ThresholdTest test = sums;
    test.threshold = threshold;
    test.p_value = test.accepted == 0
                       ? 1
                       : binomial_cdf(test.failures, denominator(test, made.rows, terms), terms.false_accept_max);
    passing = passing && test.p_value <= delta(terms);
    test.certified = passing;
    if (passing) made.threshold = test;
    made.tests.push_back(test);
  }
  if (!made.threshold) explain_refusal(made, terms);
  return made;
}

}  // namespace suffice::learned
