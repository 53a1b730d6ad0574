#include "app/engine_metrics.hpp"

#include "providers/engine_health.hpp"

namespace suffice::app {

EngineMetrics::EngineMetrics(metrics::Registry& registry)
    : ready_(registry.gauges("suffice_engine_ready", "1 while the embedded model can be called.", {"model"})),
      starts_(registry.gauges("suffice_engine_starts",
                              "Engine processes started for a model since the gateway's start.", {"model"})),
      ends_(registry.gauges("suffice_engine_ends", "Engine processes that ended by themselves or were ended, by how.",
                            {"model", "how"})),
      rotations_(registry.counters("suffice_model_rotations_total",
                                   "Engines started beside one that serves: traffic moved over, or stayed.",
                                   {"model", "result"})) {}

void EngineMetrics::observe(const std::vector<EngineReport>& reports) {
  for (const EngineReport& report : reports) {
    ready_.with({report.model}).set(report.ready ? 1 : 0);
    starts_.with({report.model}).set(static_cast<double>(report.starts));
    for (std::size_t i = 0; i < report.ends.size(); ++i) {
      ends_.with({report.model, name(static_cast<providers::EngineEnd>(i))})
          .set(static_cast<double>(report.ends.at(i)));
    }
  }
}

void EngineMetrics::rotated(std::string_view model, bool moved) {
  rotations_.with({model, moved ? "moved" : "refused"}).add();
}

}  // namespace suffice::app
