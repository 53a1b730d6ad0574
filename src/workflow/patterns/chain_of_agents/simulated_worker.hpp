#pragma once
// For tests of the chain: a worker that is a function. It simulates; it proves nothing about any model.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "workflow/patterns/chain_of_agents/chain_worker.hpp"

namespace suffice::workflow::chain {

/// What a worker was given, as it was given it.
struct SeenHop {
  std::string chunk;
  std::string state;
  std::size_t attempt = 0;
};

class SimulatedWorker final : public ChainWorker {
 public:
  using Reader = std::function<Result<std::string>(const HopInput&)>;
  explicit SimulatedWorker(Reader reader, std::int64_t window = 100'000)
      : reader_(std::move(reader)), window_(window) {}

  Task<Result<std::string>> read(const HopInput& input, FlowRun&) const override {
    seen_.push_back({.chunk = std::string(input.chunk), .state = std::string(input.state), .attempt = input.attempt});
    co_return reader_(input);
  }
  /// A token a byte: adds up exactly.
  Task<std::int64_t> prompt_tokens(const HopInput& input, FlowRun&) const override {
    co_return static_cast<std::int64_t>(joined_text(worker_messages(input.query, input.state, input.chunk)).size());
  }
  std::int64_t window() const override { return window_; }
  std::string version() const override { return "simulated"; }

  const std::vector<SeenHop>& seen() const { return seen_; }

 private:
  Reader reader_;
  std::int64_t window_;
  mutable std::vector<SeenHop> seen_;
};

}  // namespace suffice::workflow::chain
