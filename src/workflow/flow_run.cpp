#include "workflow/flow_run.hpp"

#include <array>
#include <utility>

#include <boost/asio/this_coro.hpp>

#include "core/ids.hpp"
#include "workflow/flow_engine.hpp"

namespace suffice::workflow {

std::string_view name(FlowEvent::Kind kind) noexcept {
  constexpr std::array<std::string_view, 10> kNames = {
      "executor_started",  "token",           "progress",         "executor_finished",
      "executor_replayed", "executor_failed", "executor_dropped", "edge_taken",
      "checkpoint",        "budget"};
  return kNames.at(static_cast<std::size_t>(kind));
}

const std::string& FlowRun::id() const { return step_.engine.options_.run_id; }
std::uint64_t FlowRun::step() const { return step_.item.step; }
const std::string& FlowRun::executor() const { return step_.engine.flow_.nodes()[step_.item.node].executor.name; }

std::optional<JsonText> FlowRun::state(std::string_view key) const {
  const FlowEngine& engine = step_.engine;
  const std::string whole = engine.flow_.nodes()[step_.item.node].scope + std::string(key);
  if (const auto own = step_.writes.find(whole); own != step_.writes.end()) return own->second;
  const auto found = engine.state_.find(whole);
  return found == engine.state_.end() ? std::nullopt : std::optional(found->second);
}

void FlowRun::set_state(std::string_view key, JsonText value) {
  step_.writes[step_.engine.flow_.nodes()[step_.item.node].scope + std::string(key)] = std::move(value);
}

RunLedger& FlowRun::ledger() const { return step_.engine.ledger_; }

ModelPort FlowRun::port(const PortModel& model) const {
  const FlowOptions& options = step_.engine.options_;
  std::optional<Reason> refused;
  if (options.refused) refused = options.refused(model.model);
  return ModelPort(model, step_.engine.ledger_, refused);
}

Deadline FlowRun::deadline() const { return step_.deadline; }
void FlowRun::shorten(Deadline deadline) { step_.deadline = step_.deadline.earlier(deadline); }

bool FlowRun::stopping() const {
  const FlowOptions& options = step_.engine.options_;
  return options.stop.stop_requested() || (!step_.deadline.is_never() && step_.deadline.expired(clock().steady_now()));
}

const Clock& FlowRun::clock() const { return step_.engine.clock_; }
Random& FlowRun::random() { return step_.random; }

void FlowRun::progress(std::string_view text) const { step_.engine.tell(FlowEvent::Kind::Progress, step_, text); }
void FlowRun::token(std::string_view text) const { step_.engine.tell(FlowEvent::Kind::Token, step_, text); }

Result<void> FlowRun::checkpoint(JsonText progress) { return step_.engine.checkpoint(step_, std::move(progress)); }
const std::optional<JsonText>& FlowRun::last_checkpoint() const { return step_.kept; }

Task<Result<FlowOutcome>> run(const Flow& flow, FlowMessage input, FlowOptions options) {
  namespace asio = boost::asio;
  if (options.journal != nullptr) {
    options.run_id = options.journal->header().run_id;
    options.seed = options.journal->header().seed;
  }
  if (options.run_id.empty()) {
    SystemRandom random;
    const SystemClock clock;
    options.run_id = new_uuid7(options.clock == nullptr ? clock : *options.clock, random);
  }
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  FlowEngine engine(flow, std::move(options), executor);
  Result<FlowOutcome> outcome = co_await engine.go(std::move(input));
  co_await asio::this_coro::throw_if_cancelled(throws);
  co_return outcome;
}

}  // namespace suffice::workflow
