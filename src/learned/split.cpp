#include "learned/split.hpp"

#include <string>

#include "core/hash.hpp"
#include "core/text.hpp"

namespace suffice::learned {

double place_of(std::string_view text, std::uint64_t seed) {
  const Sha256 digest = sha256(std::to_string(seed) + "\n" + fold_case(trim(text)));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(bits); ++i) bits = bits << 8 | digest[i];
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

std::pair<std::vector<LabelledText>, std::vector<LabelledText>> split(std::vector<LabelledText> rows, double share,
                                                                      std::uint64_t seed) {
  std::pair<std::vector<LabelledText>, std::vector<LabelledText>> sides;
  for (LabelledText& row : rows) {
    std::vector<LabelledText>& side = place_of(row.text, seed) < share ? sides.second : sides.first;
    side.push_back(std::move(row));
  }
  return sides;
}

}  // namespace suffice::learned
