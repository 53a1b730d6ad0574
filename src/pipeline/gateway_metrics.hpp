#pragma once
// The gateway's own counters and histograms, named as Prometheus wants them.

#include <chrono>
#include <string_view>

#include "audit/event.hpp"
#include "audit/recorder.hpp"
#include "core/error.hpp"
#include "metrics/registry.hpp"

namespace suffice::pipeline {

/// Registers its families once; any thread afterwards. Labels hold policy words only, never user text.
class GatewayMetrics {
 public:
  explicit GatewayMetrics(metrics::Registry& registry);

  /// One finished request: suffice_requests_total{task,route,reason}, attempts, tokens, cost, duration.
  void count(const audit::Event& event);
  /// One request that its key (empty: none was known) did not let in: suffice_requests_refused_total{key,error}.
  void count_refused(std::string_view key, const Error& error);
  /// One request of a key that has used up its escalations an hour: suffice_key_escalations_withheld_total{key}. The alarm for a caller
  /// who makes requests look hard.
  void count_withheld(std::string_view key);
  /// One shadow run, or one that was left out: suffice_shadow_runs_total{task,result}; result is "agrees", "differs", "escalated",
  /// "failed", "over_budget" or "busy".
  void count_shadow(std::string_view task, std::string_view result);
  /// Total minus time spent in models (suffice_overhead_seconds).
  void overhead(std::chrono::microseconds span);
  void policy_reload(bool accepted);
  /// Copies the recorder's own counts; called at each scrape.
  void observe(const audit::RecorderStats& stats);

 private:
  void count_conventional(const audit::Event& event);

  metrics::Family<metrics::Counter>& requests_;
  metrics::Family<metrics::Counter>& refused_;
  metrics::Family<metrics::Counter>& withheld_;
  metrics::Family<metrics::Counter>& shadow_runs_;
  metrics::Family<metrics::Histogram>& duration_;
  metrics::Family<metrics::Counter>& attempts_;
  metrics::Family<metrics::Counter>& tokens_;
  metrics::Family<metrics::Counter>& cost_;
  metrics::Family<metrics::Histogram>& token_usage_;      ///< gen_ai.client.token.usage
  metrics::Family<metrics::Histogram>& server_duration_;  ///< gen_ai.server.request.duration
  metrics::Family<metrics::Histogram>& first_token_;      ///< gen_ai.server.time_to_first_token
  metrics::Histogram& overhead_;
  metrics::Family<metrics::Counter>& reloads_;
  metrics::Family<metrics::Gauge>& audit_events_;
};

}  // namespace suffice::pipeline
