#include "workflow/patterns/maker/voting.hpp"

#include <algorithm>
#include <numeric>

namespace suffice::workflow::maker {
namespace {

constexpr std::array<std::string_view, kRedFlags> kNames = {
    "too_long", "cut_off", "empty", "not_json", "wrong_shape", "not_canonical", "schema_invalid", "call_failed"};

}  // namespace

std::string_view name(RedFlag flag) noexcept { return kNames[static_cast<std::size_t>(flag)]; }

std::optional<RedFlag> red_flag_from_name(std::string_view name) noexcept {
  const auto* found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<RedFlag>(found - kNames.begin());
}

std::uint64_t RedFlagCounts::total() const { return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}); }

RedFlagCounts& RedFlagCounts::operator+=(const RedFlagCounts& other) {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  return *this;
}

std::size_t Voting::vote(std::string_view canonical) {
  ++votes_;
  auto found = std::ranges::find(candidates_, canonical, &Candidate::canonical);
  if (found == candidates_.end()) {
    candidates_.push_back(Candidate{.canonical = std::string(canonical), .votes = 0});
    found = candidates_.end() - 1;
  }
  ++found->votes;
  rank();
  return static_cast<std::size_t>(found - candidates_.begin());
}

void Voting::discard(RedFlag flag) { discarded_.add(flag); }

void Voting::rank() {
  best_ = 0;
  second_ = 0;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const int votes = candidates_[i].votes;
    if (votes > best_) {
      second_ = best_;
      best_ = votes;
      leader_ = i;
    } else {
      second_ = std::max(second_, votes);
    }
  }
}

Voting::Status Voting::status() const {
  if (best_ > 0 && lead() >= rules_.ahead_by) return Status::Decided;
  return samples() + rules_.ahead_by - lead() > rules_.samples_max ? Status::Exhausted : Status::NeedsMore;
}

int Voting::samples_wanted() const { return status() == Status::NeedsMore ? rules_.ahead_by - lead() : 0; }

}  // namespace suffice::workflow::maker
