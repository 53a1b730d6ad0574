// Evidence: what the answer cites stands in the input, byte for byte.

#include <boost/json.hpp>

#include "core/text.hpp"
#include "gate/checks.hpp"
#include "wire/json.hpp"

namespace suffice::gate {
namespace {

bool occurs(std::string_view citation, std::string_view input) {
  return !trim(citation).empty() && input.find(citation) != std::string_view::npos;
}

/// A string, or an array of at least one, each of which must occur.
bool cited(const boost::json::value& citation, std::string_view input) {
  if (citation.is_string()) return occurs(citation.get_string(), input);
  if (!citation.is_array() || citation.get_array().empty()) return false;
  for (const boost::json::value& one : citation.get_array()) {
    if (!one.is_string() || !occurs(one.get_string(), input)) return false;
  }
  return true;
}

}  // namespace

void check_evidence(const Judged& judged, Scorecard& card) {
  const policy::EvidenceRule& rule = judged.rules.task.validators.evidence;
  if (!rule.required) return;

  const std::string_view input = judged.candidate.input;
  if (rule.pointer.empty()) {
    if (occurs(trim(judged.text), input)) return card.pass("evidence");
    return card.fail("evidence", Reason::EvidenceMissing, "the answer does not occur in the input");
  }
  const Result<boost::json::value> answer = wire::parse_json(judged.text);
  if (!answer)
    return card.fail("evidence", Reason::EvidenceMissing,
                     "the answer is not JSON, so nothing is cited at " + rule.pointer);
  boost::system::error_code error;
  const boost::json::value* citation = answer->find_pointer(rule.pointer, error);
  if (citation == nullptr) return card.fail("evidence", Reason::EvidenceMissing, "nothing is cited at " + rule.pointer);
  if (!cited(*citation, input))
    return card.fail("evidence", Reason::EvidenceMissing,
                     "what is cited at " + rule.pointer + " does not occur in the input");
  card.pass("evidence");
}

}  // namespace suffice::gate
