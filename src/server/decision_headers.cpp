#include "server/decision_headers.hpp"

#include <fmt/format.h>

namespace suffice::server {
namespace {

/// Our own words only, but a header value never holds a line break.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

}  // namespace

void add_decision_headers(net::Headers& headers, const pipeline::Decision& decision) {
  headers.add("x-request-id", decision.request_id);
  headers.add("x-suffice-task", decision.task.empty() ? "unknown" : decision.task);
  headers.add("x-suffice-route", std::string(name(decision.route)));
  headers.add("x-suffice-reason", decision.reasons.empty() ? "none" : std::string(name(decision.reasons.front())));
  headers.add("x-suffice-model", decision.model.empty() ? "none" : decision.model);
  // A caller without a key learns nothing of the policy, and left no event.
  if (!decision.policy_version.empty()) headers.add("x-suffice-policy", decision.policy_version);
  if (!decision.event_id.empty()) headers.add("x-suffice-event-id", decision.event_id);
  headers.add("x-suffice-cost-usd", fmt::format("{:.9f}", decision.cost.dollars()));
  headers.add("x-suffice-overhead-us", std::to_string(decision.overhead.count()));
  if (!decision.workflow.empty()) {
    headers.add("x-suffice-workflow", decision.workflow);
    headers.add("x-suffice-run-id", decision.run_id);
  }
  if (decision.stand_in) headers.add("x-suffice-stand-in", "true");
  if (!decision.warning.empty()) headers.add("x-suffice-warning", one_line(decision.warning));
}

wire::DecisionExtension decision_extension(const pipeline::Decision& decision) {
  wire::DecisionExtension extension;
  extension.task = decision.task;
  extension.route = decision.route;
  extension.reasons = decision.reasons;
  extension.model = decision.model;
  extension.event_id = decision.event_id;
  extension.confidence = decision.confidence;
  extension.cost = decision.cost;
  extension.stand_in = decision.stand_in;
  extension.approval_required = decision.approval_required;
  extension.warning = decision.warning;
  extension.workflow = decision.workflow;
  extension.run_id = decision.run_id;
  extension.details = decision.details;
  for (const workflow::ModelUse& use : decision.used) {
    extension.used.push_back({.model = use.model,
                              .local = use.local,
                              .calls = use.calls,
                              .input_tokens = use.usage.input_tokens,
                              .output_tokens = use.usage.output_tokens,
                              .cost = use.cost});
  }
  return extension;
}

}  // namespace suffice::server
