#include <algorithm>
#include <cstddef>
#include <numeric>

#include "learned/calibrator.hpp"

namespace suffice::learned {
namespace {

/// Neighbouring rows with one height.
struct Block {
  double first_x = 0;
  double last_x = 0;
  double sum = 0;
  double rows = 0;
  [[nodiscard]] double height() const { return sum / rows; }
};

}  // namespace

double RisingCurve::at(double place) const {
  if (x.empty()) return 0;
  const auto above = std::ranges::upper_bound(x, place);
  if (above == x.begin()) return y.front();
  if (above == x.end()) return y.back();
  const auto right = static_cast<std::size_t>(above - x.begin());
  const double share = (place - x[right - 1]) / (x[right] - x[right - 1]);
  return y[right - 1] + share * (y[right] - y[right - 1]);
}

RisingCurve fit_isotonic(std::span<const double> x, std::span<const int> y) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t row) { return x[row]; });

  std::vector<Block> blocks;
  for (std::size_t i = 0; i < order.size();) {
    Block block{.first_x = x[order[i]], .last_x = x[order[i]]};
    for (; i < order.size() && x[order[i]] == block.first_x; ++i) {
      block.sum += y[order[i]];
      block.rows += 1;
    }
    while (!blocks.empty() && blocks.back().height() >= block.height()) {
      block.first_x = blocks.back().first_x;
      block.sum += blocks.back().sum;
      block.rows += blocks.back().rows;
      blocks.pop_back();
    }
    blocks.push_back(block);
  }

  RisingCurve curve;
  const auto add = [&](double at, double height) {
    curve.x.push_back(at);
    curve.y.push_back(height);
  };
  for (const Block& block : blocks) {
    add(block.first_x, block.height());
    if (block.last_x > block.first_x) add(block.last_x, block.height());
  }
  return curve;
}

}  // namespace suffice::learned
