#pragma once
// First-to-ahead-by-k: the vote of one step (arXiv 2511.09030, section 3.2). A value that is fed with votes and says what is needed next.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace suffice::workflow::maker {

/// Why a sample is thrown away. It is never repaired: an answer that breaks the format is more often wrong (section 3.3).
/// Stored in checkpoints by name: never rename.
enum class RedFlag : std::uint8_t {
  TooLong,        ///< over the cap of the task
  CutOff,         ///< the model ran into its own limit
  Empty,          ///< nothing, or a refusal
  NotJson,        ///< not the one JSON value that was asked for
  WrongShape,     ///< a member missing or too many
  NotCanonical,   ///< not of the form that the task compares by
  SchemaInvalid,  ///< the action or the state breaks its schema
  CallFailed,     ///< the call itself failed and brought nothing
};
inline constexpr std::size_t kRedFlags = 8;

[[nodiscard]] std::string_view name(RedFlag flag) noexcept;
[[nodiscard]] std::optional<RedFlag> red_flag_from_name(std::string_view name) noexcept;

/// How often each red flag was seen.
struct RedFlagCounts {
  std::array<std::uint64_t, kRedFlags> counts{};

  [[nodiscard]] std::uint64_t of(RedFlag flag) const { return counts[static_cast<std::size_t>(flag)]; }
  [[nodiscard]] std::uint64_t total() const;
  void add(RedFlag flag, std::uint64_t times = 1) { counts[static_cast<std::size_t>(flag)] += times; }
  RedFlagCounts& operator+=(const RedFlagCounts& other);
  bool operator==(const RedFlagCounts&) const = default;
};

struct VotingRules {
  int ahead_by = 3;      ///< k: the leader must have so many votes more than the runner-up; at least 1
  int samples_max = 30;  ///< samples of one step, discarded ones too; at least ahead_by
  bool operator==(const VotingRules&) const = default;
};

/// One step's vote. Pure; one thread.
class Voting {
 public:
  explicit Voting(const VotingRules& rules) : rules_(rules) {}

  enum class Status : std::uint8_t {
    NeedsMore,
    Decided,
    Exhausted,  ///< not even a run of equal votes could decide within `samples_max`
  };

  /// Counts a valid vote by its canonical text. Returns its candidate's number, from 0 in the order of first votes.
  std::size_t vote(std::string_view canonical);
  /// Counts a sample that is no vote.
  void discard(RedFlag flag);

  [[nodiscard]] Status status() const;
  /// How many samples to ask for next, all at once: what the leader still lacks. No sequence of votes decides with fewer, so that asking
  /// for them in parallel buys nothing for a decision that one after the other would not have bought; only a vote that ends Exhausted
  /// may have bought the rest of its last batch. k at first; 0 unless more are needed; never beyond `samples_max`.
  [[nodiscard]] int samples_wanted() const;

  /// The candidate that leads; the earlier one of equals. Meaningless before the first vote.
  [[nodiscard]] std::size_t leader() const { return leader_; }
  /// Votes of the leader beyond those of the runner-up.
  [[nodiscard]] int lead() const { return best_ - second_; }
  /// Votes of each candidate, in the order of first votes.
  [[nodiscard]] int votes_of(std::size_t candidate) const { return candidates_[candidate].votes; }
  [[nodiscard]] std::size_t candidates() const { return candidates_.size(); }
  [[nodiscard]] int votes() const { return votes_; }
  /// Votes and discarded samples.
  [[nodiscard]] int samples() const { return votes_ + static_cast<int>(discarded_.total()); }
  [[nodiscard]] const RedFlagCounts& discarded() const { return discarded_; }

 private:
  struct Candidate {
    std::string canonical;
    int votes = 0;
  };
  void rank();

  VotingRules rules_;
  std::vector<Candidate> candidates_;
  std::size_t leader_ = 0;
  int best_ = 0;
  int second_ = 0;
  int votes_ = 0;
  RedFlagCounts discarded_;
};

}  // namespace suffice::workflow::maker
