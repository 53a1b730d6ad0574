#include "workflow/patterns/maker/hanoi.hpp"

#include <bit>
#include <charconv>
#include <cstddef>

#include "wire/json.hpp"

namespace suffice::workflow::maker {
namespace {

std::unexpected<Error> no_state(std::string message, std::string where) {
  return fail(ErrorCode::InvalidArgument, std::move(message), std::move(where));
}

void append_int(std::string& out, int value) {
  std::array<char, 12> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

Result<std::vector<std::uint8_t>> read_peg(const boost::json::value& value, std::uint64_t& seen) {
  const auto* list = value.if_array();
  if (list == nullptr) return no_state("a peg is not a list of disks", "/pegs");
  std::vector<std::uint8_t> peg;
  for (const auto& item : *list) {
    const auto* disk = item.if_int64();
    if (disk == nullptr || *disk < 1 || *disk > kHanoiDisksMax)
      return no_state("a disk is not a number of one", "/pegs");
    const std::uint64_t bit = std::uint64_t{1} << *disk;
    if ((seen & bit) != 0) return no_state("a disk is there twice", "/pegs");
    if (!peg.empty() && peg.back() < *disk) return no_state("a larger disk lies on a smaller one", "/pegs");
    seen |= bit;
    peg.push_back(static_cast<std::uint8_t>(*disk));
  }
  return peg;
}

}  // namespace

Result<Hanoi> Hanoi::create(int disks) {
  if (disks < 1 || disks > kHanoiDisksMax) {
    return fail(ErrorCode::InvalidArgument,
                "the number of disks is not between 1 and " + std::to_string(kHanoiDisksMax));
  }
  Hanoi towers;
  towers.disks_ = disks;
  for (int disk = disks; disk >= 1; --disk) towers.pegs_[0].push_back(static_cast<std::uint8_t>(disk));
  return towers;
}

Result<Hanoi> Hanoi::parse(std::string_view json) {
  SUFFICE_TRY(const boost::json::value value, wire::parse_json(json));
  const auto* object = value.if_object();
  const auto* last = object == nullptr ? nullptr : object->if_contains("last");
  const auto* pegs = object == nullptr ? nullptr : object->if_contains("pegs");
  if (last == nullptr || pegs == nullptr || object->size() != 2)
    return no_state("the members are not last and pegs", "");
  if (!pegs->is_array() || pegs->get_array().size() != 3) return no_state("there are not three pegs", "/pegs");
  Hanoi towers;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    SUFFICE_TRY(towers.pegs_[i], read_peg(pegs->get_array()[i], seen));
  }
  towers.disks_ = std::popcount(seen);
  if (towers.disks_ == 0 || seen != (std::uint64_t{2} << towers.disks_) - 2)
    return no_state("a disk is missing", "/pegs");
  const auto* number = last->if_int64();
  if (number == nullptr || *number < 0 || *number > towers.disks_) return no_state("last names no disk", "/last");
  towers.last_ = static_cast<int>(*number);
  return towers;
}

Result<void> Hanoi::move(const HanoiMove& move) {
  const auto is_peg = [](int peg) { return peg >= 0 && peg <= 2; };
  if (!is_peg(move.from) || !is_peg(move.to) || move.from == move.to) {
    return fail(ErrorCode::InvalidArgument, "a move goes from one of the pegs 0, 1, 2 to another");
  }
  if (top(move.from) != move.disk) return fail(ErrorCode::InvalidArgument, "that disk is not on top of that peg");
  if (top(move.to) < move.disk) return fail(ErrorCode::InvalidArgument, "a larger disk must not lie on a smaller one");
  pegs_[static_cast<std::size_t>(move.from)].pop_back();
  pegs_[static_cast<std::size_t>(move.to)].push_back(static_cast<std::uint8_t>(move.disk));
  last_ = move.disk;
  return {};
}

std::string Hanoi::json() const {
  std::string text;
  append_json(text);
  return text;
}

void Hanoi::append_json(std::string& out) const {
  out += "{\"last\":";
  append_int(out, last_);
  out += ",\"pegs\":[";
  for (std::size_t peg = 0; peg < pegs_.size(); ++peg) {
    out += peg == 0 ? "[" : ",[";
    for (std::size_t i = 0; i < pegs_[peg].size(); ++i) {
      if (i > 0) out += ',';
      append_int(out, pegs_[peg][i]);
    }
    out += ']';
  }
  out += "]}";
}

int Hanoi::peg_of_smallest() const {
  for (int peg = 0; peg < 2; ++peg) {
    if (top(peg) == 1) return peg;
  }
  return 2;
}

HanoiMove Hanoi::next_move() const {
  const int small = peg_of_smallest();
  const int direction = disks_ % 2 == 0 ? 1 : 2;  // 2 is one step the other way round
  if (last_ != 1) return {.disk = 1, .from = small, .to = (small + direction) % 3};
  const int left = (small + 1) % 3;
  const int right = (small + 2) % 3;
  if (top(left) < top(right)) return {.disk = top(left), .from = left, .to = right};
  return {.disk = top(right), .from = right, .to = left};
}

HanoiMove Hanoi::other_move() const {
  const HanoiMove next = next_move();
  const int small = peg_of_smallest();
  if (next.disk == 1) return {.disk = 1, .from = small, .to = 3 - next.from - next.to};
  return {.disk = 1, .from = small, .to = (small + 1) % 3};
}

HanoiMove hanoi_optimal_move(int disks, std::uint64_t step) {
  const std::uint64_t number = step + 1;
  const auto peg = [disks](std::uint64_t at) {
    // The closed form ends on peg 2 for an odd number of disks and on peg 1 for an even one.
    const int natural = static_cast<int>(at % 3);
    return disks % 2 == 0 && natural != 0 ? 3 - natural : natural;
  };
  return {
      .disk = std::countr_zero(number) + 1, .from = peg(number & (number - 1)), .to = peg((number | (number - 1)) + 1)};
}

std::string hanoi_action_json(const HanoiMove& move) {
  std::string text = "{\"disk\":";
  append_int(text, move.disk);
  text += ",\"from\":";
  append_int(text, move.from);
  text += ",\"to\":";
  append_int(text, move.to);
  return text + "}";
}

}  // namespace suffice::workflow::maker
