#include "workflow/pattern.hpp"
#include "workflow/patterns/maker/setup.hpp"

namespace suffice::workflow {

const std::vector<Pattern>& all_patterns() {
  static const std::vector<Pattern> kPatterns = {maker::maker_pattern()};
  return kPatterns;
}

}  // namespace suffice::workflow
