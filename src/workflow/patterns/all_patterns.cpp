#include "workflow/pattern.hpp"
#include "workflow/patterns/cascade_flow/cascade_pattern.hpp"
#include "workflow/patterns/chain_of_agents/chain_pattern.hpp"
#include "workflow/patterns/maker/setup.hpp"
#include "workflow/patterns/minions/setup.hpp"
#include "workflow/patterns/router/router_pattern.hpp"

namespace suffice::workflow {

const std::vector<Pattern>& all_patterns() {
  static const std::vector<Pattern> kPatterns = {cascade_pattern(), chain::chain_pattern(), maker::maker_pattern(),
                                                 minions::minions_pattern(), router::router_pattern()};
  return kPatterns;
}

}  // namespace suffice::workflow
