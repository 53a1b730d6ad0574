#pragma once
// The audit event: what was decided about one request (or one change of state), by which versions, why, at what cost.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/reasons.hpp"
#include "core/usage.hpp"
#include "core/verdict.hpp"

namespace suffice::audit {

/// One call of one tier. Stored as JSON inside the event; field names are the record's (api/audit_event.schema.json).
struct Attempt {
  int tier = 0;                ///< index in the task's ladder
  std::string model;           ///< policy name
  std::string provider;        ///< gen_ai.provider.name
  std::string response_model;  ///< as the provider named it
  std::string quantisation;    ///< Embedded: from the GGUF
  std::string adapter;
  std::string prompt;  ///< name@version
  bool local = false;
  bool stand_in = false;
  bool accepted = false;
  std::string error;  ///< ErrorCode name when the call failed
  std::vector<Reason> reasons;
  std::vector<CheckResult> checks;
  std::vector<Signal> signals;
  std::optional<double> confidence;
  std::string confidence_source;
  std::optional<double> threshold;
  std::string certificate;  ///< id, empty when the threshold is a raw min_confidence
  std::int64_t latency_us = 0;
  std::int64_t first_token_us = 0;
  Usage usage;
  bool usage_known = false;
  Usd cost;
  std::string output_sha256;
  // For traces, not stored:
  std::int64_t begin_us = 0;  ///< after the request's beginning
  std::string span_id;        ///< empty when the request has no trace
};

/// Text is here only to be hashed and previewed: `input` and `output` never leave audit/ unredacted.
struct Event {
  /// Stored by name: never rename.
  enum class Kind : std::uint8_t {
    Request,
    PolicyReload,
    PolicyReloadFailed,
    KillSwitch,
    Start,
    Stop,
    Shadow,                ///< what a rung that was not served would have done with `refers_to`
    Review,                ///< a person's `label` of `refers_to`
    Feedback,              ///< the application's own `label` of `refers_to`
    Promotion,             ///< a candidate took over
    Rollback,              ///< and gave back
    CertificateWithdrawn,  ///< of `task`: reviews or drift speak against it
    VaultRead,             ///< somebody read the kept texts of `refers_to`
  };
  Kind kind = Kind::Request;
  std::string id;  ///< UUIDv7, set by the producer
  WallTime time;
  std::string request_id;
  std::string trace_id;  ///< W3C, empty when none
  std::string task;
  std::string caller_group;
  std::string caller_key;  ///< the key's name in the policy, empty when none was asked for
  std::string surface;     ///< "openai.chat.completions"
  Route route = Route::Frontier;
  std::vector<Reason> reasons;  ///< primary first; empty for a local accept
  std::vector<CheckResult> input_checks;
  std::vector<Attempt> attempts;
  std::string policy_version;
  std::string served_model;
  int http_status = 0;
  std::string outcome;  ///< "ok", or an ErrorCode name
  bool streamed = false;
  bool stand_in = false;
  Usd cost;
  std::optional<Usd> counterfactual_cost;  ///< always-frontier, when a frontier price is known
  bool counterfactual_estimated = false;
  std::int64_t latency_us = 0;
  std::int64_t overhead_us = 0;  ///< total minus time waiting for models
  std::string input;             ///< raw; hashed, redacted, dropped
  std::string output;            ///< raw; hashed, redacted, dropped
  std::string output_sha256;     ///< of `output` when somebody had it already, or empty
  std::string note;              ///< state changes: what changed, for people
  std::string workflow;          ///< name of the workflow that answered; empty: none
  std::string run_id;            ///< of its run
  std::string refers_to;         ///< id of the event that this one is about
  std::string actor;             ///< who did it: a reviewer's name, "operator", a certificate's monitor
  std::string label;             ///< Review, Feedback: "accept" or "escalate"; Shadow: "agrees" or "differs"
  std::string label_value;       ///< Review, Feedback: the right answer where it is one of the task's labels
};
/// "request", "policy_reload", "kill_switch" ...: the words of the record.
[[nodiscard]] std::string_view name(Event::Kind kind) noexcept;

}  // namespace suffice::audit
