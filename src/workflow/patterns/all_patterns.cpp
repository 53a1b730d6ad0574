#include "workflow/pattern.hpp"

namespace suffice::workflow {

const std::vector<Pattern>& all_patterns() {
  static const std::vector<Pattern> kPatterns = {};
  return kPatterns;
}

}  // namespace suffice::workflow
