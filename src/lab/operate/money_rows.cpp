#include "lab/operate/money_rows.hpp"

#include <span>

namespace suffice::lab {
namespace {

constexpr std::size_t kRowsMax = 2'000;
/// Fewer say nothing about how much a sum may vary.
constexpr std::int64_t kRequestsMin = 10;

}  // namespace

void MoneyRows::add(Usd paid, Usd frontier) {
  if (rows_.size() == kRowsMax && in_last_ == per_row_) halve();
  if (rows_.empty() || in_last_ == per_row_) {
    rows_.push_back({});
    in_last_ = 0;
  }
  rows_.back().paid += paid.nanos;
  rows_.back().frontier += frontier.nanos;
  ++in_last_;
  ++requests_;
}

void MoneyRows::halve() {
  std::vector<Row> joined;
  for (std::size_t i = 0; i + 1 < rows_.size(); i += 2) {
    joined.push_back(
        {.paid = rows_[i].paid + rows_[i + 1].paid, .frontier = rows_[i].frontier + rows_[i + 1].frontier});
  }
  rows_ = std::move(joined);
  per_row_ *= 2;
  in_last_ = per_row_;
}

Savings MoneyRows::savings(const NumbersOptions& options) const {
  Savings savings{.requests = requests_};
  std::int64_t paid = 0;
  std::int64_t frontier = 0;
  for (const Row& row : rows_) {
    paid += row.paid;
    frontier += row.frontier;
  }
  savings.paid_usd = Usd{paid}.dollars();
  savings.frontier_usd = Usd{frontier}.dollars();
  savings.saved.usd = Usd{frontier - paid}.dollars();
  if (frontier > 0) savings.share = savings.saved.usd / savings.frontier_usd;
  if (requests_ < kRequestsMin) return savings;
  savings.saved.interval = learned::bootstrap(
      rows_.size(),
      [&](std::span<const std::size_t> drawn) {
        std::int64_t saved = 0;
        for (const std::size_t i : drawn) saved += rows_[i].frontier - rows_[i].paid;
        return Usd{saved}.dollars();
      },
      options.repetitions, options.seed, options.confidence);
  if (frontier <= 0) return savings;
  savings.share_interval = learned::bootstrap(
      rows_.size(),
      [&](std::span<const std::size_t> drawn) {
        std::int64_t of_paid = 0;
        std::int64_t of_frontier = 0;
        for (const std::size_t i : drawn) {
          of_paid += rows_[i].paid;
          of_frontier += rows_[i].frontier;
        }
        return 1 - static_cast<double>(of_paid) / static_cast<double>(of_frontier);
      },
      options.repetitions, options.seed, options.confidence);
  return savings;
}

}  // namespace suffice::lab
