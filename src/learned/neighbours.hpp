#pragma once
// What became of the most similar requests: estimates from nearest neighbours among embeddings.

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace suffice::learned {

/// Vectors with an outcome each, compared by cosine. Immutable; any thread. Memory: dimensions floats a row.
class Neighbours {
 public:
  /// `rows` holds dimensions numbers for each outcome, one after the other. InvalidArgument: no rows, lengths that do not fit, a vector of
  /// length zero, a number that is not finite.
  static Result<Neighbours> create(std::size_t dimensions, std::vector<float> rows, std::vector<double> outcomes);

  struct Estimate {
    double value = 0;    ///< mean outcome of the k nearest, each weighted by exp(cosine / temperature)
    double nearest = 0;  ///< cosine of the nearest: how like the measured traffic the query is
  };
  /// Linear in the rows. `query` of the right dimensions and not zero; k is cut to the number of rows; temperature above 0 (small: the
  /// nearest alone; large: a plain mean). Rows of equal cosine count by their order.
  [[nodiscard]] Result<Estimate> estimate(std::span<const float> query, std::size_t k, double temperature = 0.1) const;

  [[nodiscard]] std::size_t size() const { return outcomes_.size(); }

 private:
  Neighbours(std::size_t dimensions, std::vector<float> rows, std::vector<double> outcomes)
      : dimensions_(dimensions), rows_(std::move(rows)), outcomes_(std::move(outcomes)) {}

  std::size_t dimensions_;
  std::vector<float> rows_;  ///< of length 1
  std::vector<double> outcomes_;
};

}  // namespace suffice::learned
