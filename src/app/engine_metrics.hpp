#pragma once
// What the engines did, as metrics.

#include <string_view>
#include <vector>

#include "app/model_clients.hpp"
#include "metrics/registry.hpp"

namespace suffice::app {

/// Registers its families once; any thread afterwards.
class EngineMetrics {
 public:
  explicit EngineMetrics(metrics::Registry& registry);
  /// Copies the engines' own counts; called at each scrape.
  void observe(const std::vector<EngineReport>& reports);
  /// A reload that started an engine beside another: traffic moved over, or stayed.
  void rotated(std::string_view model, bool moved);

 private:
  metrics::Family<metrics::Gauge>& ready_;
  metrics::Family<metrics::Gauge>& starts_;
  metrics::Family<metrics::Gauge>& ends_;
  metrics::Family<metrics::Counter>& rotations_;
};

}  // namespace suffice::app
