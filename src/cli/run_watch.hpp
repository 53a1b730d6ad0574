#pragma once
// `suffice run --watch`: the graph as it runs. Redrawn in place on a terminal, a line an event elsewhere.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "workflow/flow.hpp"
#include "workflow/flow_run.hpp"
#include "workflow/run_ledger.hpp"

namespace suffice::cli {

/// Feed it the run's events. One thread.
class RunWatch {
 public:
  enum class Look : std::uint8_t { Lines, InPlace };
  /// All outlive it.
  RunWatch(const workflow::Flow& flow, const workflow::RunLedger& ledger, std::FILE* out, Look look);

  void on_event(const workflow::FlowEvent& event);
  /// The last picture, with everything that has happened.
  void finish();

  /// The picture as lines, without colours: what a terminal shows.
  [[nodiscard]] std::vector<std::string> picture() const;

 private:
  struct Node {
    std::string name;
    std::size_t running = 0;
    std::size_t done = 0;
    std::size_t replayed = 0;
    std::size_t failed = 0;
    std::string note;  ///< the last progress
  };

  Node* find(std::string_view name);
  void count(const workflow::FlowEvent& event);
  void draw();
  void say(const workflow::FlowEvent& event);

  const workflow::RunLedger& ledger_;
  std::FILE* out_;
  Look look_;
  std::vector<Node> nodes_;
  std::size_t steps_ = 0;
  std::string ended_by_;
  std::size_t drawn_ = 0;  ///< lines on the screen
  std::chrono::steady_clock::time_point next_draw_{};
};

}  // namespace suffice::cli
