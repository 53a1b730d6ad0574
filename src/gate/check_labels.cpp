// Labels: the whole answer is one allowed label, or it is not an answer.

#include <algorithm>
#include <optional>
#include <vector>

#include "core/text.hpp"
#include "gate/checks.hpp"

namespace suffice::gate {
namespace {

std::string label_key(std::string_view text) {
  const std::string folded = fold_case(text);
  return std::string(trim(folded));
}

std::optional<std::string> find_label(const std::vector<std::string>& labels, const std::string& key) {
  const auto found = std::ranges::find_if(labels, [&](const std::string& label) { return label_key(label) == key; });
  if (found == labels.end()) return std::nullopt;
  return *found;
}

}  // namespace

void check_labels(const Judged& judged, LabelEscalation escalation, Scorecard& card) {
  const policy::Task& task = judged.rules.task;
  if (task.labels.empty()) return;

  const std::string key = label_key(judged.text);
  const bool is_unknown = task.unknown_label && label_key(*task.unknown_label) == key;
  const std::optional<std::string> escalates = find_label(task.escalate_labels, key);
  std::optional<std::string> label = find_label(task.labels, key);
  if (!label && escalates) label = escalates;
  if (!label && is_unknown) label = task.unknown_label;
  if (!label) return card.fail("labels", Reason::LabelUnknown, "the answer is not exactly one of the task's labels");

  judged.text = *label;
  if (escalation == LabelEscalation::No) return card.pass("labels");
  if (is_unknown) return card.fail("labels", Reason::LabelUnknown, "the answer is the task's label for unknown");
  if (escalates) return card.fail("labels", Reason::LabelEscalates, "label " + *label + " always escalates");
  card.pass("labels");
}

}  // namespace suffice::gate
