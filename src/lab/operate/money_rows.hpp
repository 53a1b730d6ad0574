#pragma once
// What was paid beside what the frontier would have cost, request by request, in bounded memory. Internal to lab/operate.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/units.hpp"
#include "lab/operate/numbers.hpp"

namespace suffice::lab {

/// Rows are single requests at first; when there are 2,000 of them, neighbours are joined. So the bootstrap draws requests while they are
/// few and blocks of neighbours in time when they are many, which also counts that neighbours resemble each other.
class MoneyRows {
 public:
  void add(Usd paid, Usd frontier);
  /// With seeded bootstrap intervals when there are at least 10 requests; pure.
  [[nodiscard]] Savings savings(const NumbersOptions& options) const;

 private:
  struct Row {
    std::int64_t paid = 0;
    std::int64_t frontier = 0;
  };
  void halve();

  std::vector<Row> rows_;
  std::int64_t requests_ = 0;
  std::int64_t per_row_ = 1;
  std::int64_t in_last_ = 0;
};

}  // namespace suffice::lab
