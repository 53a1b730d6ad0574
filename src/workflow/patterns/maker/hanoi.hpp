#pragma once
// Towers of Hanoi: a task of 2^n - 1 steps whose every step has one known right answer. What MAKER is measured on without a model.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace suffice::workflow::maker {

/// Disk 1 is the smallest; pegs are 0, 1, 2.
struct HanoiMove {
  int disk = 0;
  int from = 0;
  int to = 0;
  bool operator==(const HanoiMove&) const = default;
};

inline constexpr int kHanoiDisksMax = 30;

/// The pegs and the disk that was moved last: all that the next step depends on. Holds the rules; a value.
class Hanoi {
 public:
  /// All disks on peg 0, to be moved to peg 2. InvalidArgument outside 1 to kHanoiDisksMax.
  static Result<Hanoi> create(int disks);
  /// From json(). InvalidArgument or MalformedJson when it is no state: a disk twice or missing, a larger one on a smaller one.
  static Result<Hanoi> parse(std::string_view json);

  /// InvalidArgument, naming the rule, when the move is against the rules; nothing is changed then.
  Result<void> move(const HanoiMove& move);
  [[nodiscard]] bool solved() const { return pegs_[2].size() == static_cast<std::size_t>(disks_); }
  [[nodiscard]] int disks() const { return disks_; }

  /// {"last":1,"pegs":[[3,2],[1],[]]}: canonical, disks from the bottom up, last 0 at the start.
  [[nodiscard]] std::string json() const;
  void append_json(std::string& out) const;

  /// The next move of the only shortest solution, by the rule of a person: the smallest disk every other time, always in the same
  /// direction; in between the only move that leaves it alone. Meant for states on that way; a legal move on any but a solved one.
  [[nodiscard]] HanoiMove next_move() const;
  /// Another legal move: the wrong answer of a simulated worker. It moves the smallest disk.
  [[nodiscard]] HanoiMove other_move() const;

 private:
  [[nodiscard]] int top(int peg) const {
    const auto& disks = pegs_[static_cast<std::size_t>(peg)];
    return disks.empty() ? kHanoiDisksMax + 1 : disks.back();
  }
  [[nodiscard]] int peg_of_smallest() const;

  int disks_ = 0;
  int last_ = 0;
  std::array<std::vector<std::uint8_t>, 3> pegs_;
};

/// Steps of the shortest solution: 2^disks - 1.
[[nodiscard]] constexpr std::uint64_t hanoi_steps(int disks) { return (std::uint64_t{1} << disks) - 1; }

/// Move number `step` (from 0) of the shortest solution from peg 0 to peg 2, in closed form: an oracle that shares nothing with next_move().
[[nodiscard]] HanoiMove hanoi_optimal_move(int disks, std::uint64_t step);

/// {"disk":1,"from":0,"to":2}
[[nodiscard]] std::string hanoi_action_json(const HanoiMove& move);

}  // namespace suffice::workflow::maker
