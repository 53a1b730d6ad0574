#include "learned/logistic.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace suffice::learned {
namespace {

constexpr int kStepsMax = 60;
constexpr int kHalvingsMax = 40;
constexpr double kBiasShare = 1e-3;  // of the weights' penalty

/// Symmetric positive definite `matrix` (rows by columns) times the answer equals `right`; false when it is not. By Cholesky, in place.
bool solve(std::vector<double>& matrix, std::vector<double>& right) {
  const std::size_t n = right.size();
  for (std::size_t column = 0; column < n; ++column) {
    double diagonal = matrix[column * n + column];
    for (std::size_t k = 0; k < column; ++k) diagonal -= matrix[column * n + k] * matrix[column * n + k];
    if (!(diagonal > 0)) return false;
    const double root = std::sqrt(diagonal);
    matrix[column * n + column] = root;
    for (std::size_t row = column + 1; row < n; ++row) {
      double value = matrix[row * n + column];
      for (std::size_t k = 0; k < column; ++k) value -= matrix[row * n + k] * matrix[column * n + k];
      matrix[row * n + column] = value / root;
    }
  }
  for (std::size_t row = 0; row < n; ++row) {
    for (std::size_t k = 0; k < row; ++k) right[row] -= matrix[row * n + k] * right[k];
    right[row] /= matrix[row * n + row];
  }
  for (std::size_t row = n; row-- > 0;) {
    for (std::size_t k = row + 1; k < n; ++k) right[row] -= matrix[k * n + row] * right[k];
    right[row] /= matrix[row * n + row];
  }
  return true;
}

/// log(1 + exp(x)).
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

/// The data with its inputs standardised, one after the other, and what the parameters (weights, then the bias) cost on it.
struct Problem {
  std::vector<double> inputs;  ///< row by row; the last of each row is 1
  std::size_t width = 0;       ///< inputs and the bias
  std::span<const int> y;
  double l2 = 1;

  [[nodiscard]] double penalty(std::size_t parameter) const { return parameter + 1 == width ? l2 * kBiasShare : l2; }

  [[nodiscard]] double odds(std::size_t row, const std::vector<double>& at) const {
    double sum = 0;
    for (std::size_t i = 0; i < width; ++i) sum += inputs[row * width + i] * at[i];
    return sum;
  }

  [[nodiscard]] double loss(const std::vector<double>& at) const {
    double sum = 0;
    for (std::size_t i = 0; i < width; ++i) sum += penalty(i) / 2 * at[i] * at[i];
    for (std::size_t row = 0; row < y.size(); ++row) {
      const double odds_of = odds(row, at);
      sum += softplus(odds_of) - (y[row] != 0 ? odds_of : 0);
    }
    return sum;
  }

  /// Newton's direction at `at`; empty when the curvature is no curvature any more.
  [[nodiscard]] std::vector<double> direction(const std::vector<double>& at) const {
    std::vector<double> gradient(width);
    std::vector<double> curvature(width * width);
    for (std::size_t i = 0; i < width; ++i) {
      gradient[i] = -penalty(i) * at[i];
      curvature[i * width + i] = penalty(i);
    }
    for (std::size_t row = 0; row < y.size(); ++row) {
      const double* x = inputs.data() + row * width;
      const double p = sigmoid(odds(row, at));
      const double missing = (y[row] != 0 ? 1 : 0) - p;
      const double weight = p * (1 - p);
      for (std::size_t i = 0; i < width; ++i) {
        gradient[i] += missing * x[i];
        for (std::size_t j = 0; j <= i; ++j) curvature[i * width + j] += weight * x[i] * x[j];
      }
    }
    if (!solve(curvature, gradient)) return {};
    return gradient;
  }
};

std::vector<double> minimise(const Problem& problem) {
  std::vector<double> at(problem.width, 0.0);
  double loss = problem.loss(at);
  for (int step = 0; step < kStepsMax; ++step) {
    const std::vector<double> direction = problem.direction(at);
    if (direction.empty()) break;
    double length = 1;
    std::vector<double> next = at;
    double next_loss = loss;
    for (int halving = 0; halving < kHalvingsMax; ++halving, length /= 2) {
      for (std::size_t i = 0; i < at.size(); ++i) next[i] = at[i] + length * direction[i];
      next_loss = problem.loss(next);
      if (next_loss < loss) break;
    }
    if (!(next_loss < loss)) break;
    const bool settled = loss - next_loss <= 1e-12 * (1 + std::abs(loss));
    at = next;
    loss = next_loss;
    if (settled) break;
  }
  return at;
}

/// Mean and standard deviation of each input, the latter 1 where it is nothing.
void standardise(std::span<const std::vector<double>> x, Logistic& model) {
  const std::size_t inputs = x.front().size();
  const auto rows = static_cast<double>(x.size());
  model.mean.assign(inputs, 0);
  model.scale.assign(inputs, 0);
  for (const std::vector<double>& row : x) {
    for (std::size_t i = 0; i < inputs; ++i) model.mean[i] += row[i] / rows;
  }
  for (const std::vector<double>& row : x) {
    for (std::size_t i = 0; i < inputs; ++i)
      model.scale[i] += (row[i] - model.mean[i]) * (row[i] - model.mean[i]) / rows;
  }
  for (std::size_t i = 0; i < inputs; ++i) {
    const double deviation = std::sqrt(model.scale[i]);
    model.scale[i] = deviation > 1e-12 * (1 + std::abs(model.mean[i])) ? deviation : 1;
  }
}

}  // namespace

double sigmoid(double x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}

double Logistic::log_odds(std::span<const double> x) const {
  double sum = bias;
  for (std::size_t i = 0; i < weight.size() && i < x.size(); ++i) sum += weight[i] * (x[i] - mean[i]) / scale[i];
  return sum;
}

double Logistic::probability(std::span<const double> x) const { return sigmoid(log_odds(x)); }

Logistic fit_logistic(std::span<const std::vector<double>> x, std::span<const int> y, double l2) {
  Logistic model;
  if (x.empty()) return model;
  standardise(x, model);
  const std::size_t inputs = x.front().size();
  Problem problem{.inputs = {}, .width = inputs + 1, .y = y, .l2 = l2};
  problem.inputs.reserve(x.size() * problem.width);
  for (const std::vector<double>& row : x) {
    for (std::size_t i = 0; i < inputs; ++i) problem.inputs.push_back((row[i] - model.mean[i]) / model.scale[i]);
    problem.inputs.push_back(1);
  }
  std::vector<double> found = minimise(problem);
  model.bias = found.back();
  found.pop_back();
  model.weight = std::move(found);
  return model;
}

}  // namespace suffice::learned
