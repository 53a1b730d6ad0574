// What operators may do with an application that runs: levers, readiness, the record and judgements about it.

#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/application_impl.hpp"
#include "app/lever_file.hpp"
#include "core/ids.hpp"
#include "providers/run_on.hpp"

namespace suffice::app {

std::string state_words(const pipeline::LeverState& state) {
  std::string words = fmt::format("kill_switch={}", name(state.kill_switch));
  for (const std::string& task : state.frontier_only_tasks) words += " frontier_only=" + task;
  for (const auto& [task, lever] : state.tasks) {
    if (lever.min_confidence) words += fmt::format(" {}.min_confidence={}", task, *lever.min_confidence);
    if (lever.canary_percent) words += fmt::format(" {}.canary={}%", task, *lever.canary_percent);
    if (lever.canary_groups) words += fmt::format(" {}.canary_groups={}", task, fmt::join(*lever.canary_groups, ","));
    if (lever.candidate_serves) words += fmt::format(" {}.candidate_serves", task);
    if (lever.certificate_withdrawn) words += fmt::format(" {}.certificate_withdrawn", task);
  }
  return words;
}

Result<void> Application::Impl::set_levers(const pipeline::LeverState& next) {
  const std::lock_guard lock(lever_mutex);
  // The switch acts first: an operator in an incident must not lose it to a full disk.
  const std::shared_ptr<const pipeline::LeverState> before = levers->current();
  levers->set(next);
  log->warn("levers_set {}", state_words(next));
  note_levers(*before, next);
  return write_levers(settings.data / "levers.json", next);
}

/// Promotions, rollbacks and withdrawals are events of their own kind: an auditor asks for them by name.
void Application::Impl::note_levers(const pipeline::LeverState& before, const pipeline::LeverState& after) {
  using audit::Event;
  note(Event::Kind::KillSwitch, state_words(after));
  for (const auto& [task, written] : policies->current()->tasks) {
    const pipeline::TaskLever& was = before.of(task);
    const pipeline::TaskLever& is = after.of(task);
    if (is.candidate_serves != was.candidate_serves) {
      const std::string model = written.candidate ? written.candidate->model : std::string("(no candidate)");
      note(is.candidate_serves ? Event::Kind::Promotion : Event::Kind::Rollback, "candidate " + model, task);
    }
    if (is.certificate_withdrawn && !was.certificate_withdrawn)
      note(Event::Kind::CertificateWithdrawn, "by a lever", task);
  }
}

void Application::Impl::note(audit::Event::Kind kind, std::string text, const std::string& task) {
  audit::Event event;
  event.task = task;
  event.kind = kind;
  event.id = new_uuid7(clock, random);
  event.time = clock.wall_now();
  event.policy_version = gateway ? gateway->snapshot()->policy->version : policies->current()->version;
  event.outcome = "ok";
  event.note = std::move(text);
  if (!recorder->record(std::move(event))) log->error("audit_queue_full dropped=state_change");
}

server::Readiness Application::Impl::readiness() const {
  server::Readiness state;
  if (!recorder->healthy()) {
    state.ready = false;
    state.problems.emplace_back("the audit store does not take events");
  }
  // A stopped engine is not unready: its requests escalate with local_unavailable.
  for (const std::string& model : clients->unavailable())
    state.problems.push_back("model " + model + " is not running; its tasks escalate");
  return state;
}

server::AdminDoors Application::Impl::doors() {
  return server::AdminDoors{.levers = [this] { return *levers->current(); },
                            .set_levers = [this](const pipeline::LeverState& next) { return set_levers(next); },
                            .reload_policy = [this] { return reloader->reload(); },
                            .policy_version = [this] { return gateway->snapshot()->policy->version; },
                            .metrics_text =
                                [this] {
                                  metrics->observe(recorder->stats());
                                  engine_metrics->observe(clients->reports());
                                  return registry.to_prometheus();
                                },
                            .readiness = [this] { return readiness(); },
                            .decide = [this](const pipeline::Request& asked) { return gateway->decide(asked); },
                            .read_events = [this](const audit::EventFilter& filter) { return read_events(filter); },
                            .judge = [this](audit::Event event) { return judge(std::move(event)); }};
}

/// On the clerk's thread: a query over a large record must not hold up requests.
Task<Result<std::vector<audit::StoredEvent>>> Application::Impl::read_events(audit::EventFilter filter) {
  const auto read = [](audit::RecordLocation where,
                       audit::EventFilter wanted) -> Task<Result<std::vector<audit::StoredEvent>>> {
    std::vector<audit::StoredEvent> events;
    Result<std::unique_ptr<audit::AuditReader>> reader = audit::open_reader(where);
    if (!reader) co_return fail(std::move(reader).error());
    const Result<void> done = (*reader)->read(wanted, [&](const audit::StoredEvent& event) {
      events.push_back(event);
      return true;
    });
    if (!done) co_return fail(done.error());
    co_return events;
  };
  Task<Result<std::vector<audit::StoredEvent>>> reading = read(record(), std::move(filter));
  Task<Result<std::vector<audit::StoredEvent>>> elsewhere =
      providers::run_on<Result<std::vector<audit::StoredEvent>>>(clerk.get_executor(), std::move(reading));
  co_return co_await std::move(elsewhere);
}

Task<Result<std::string>> Application::Impl::judge(audit::Event event) {
  audit::EventFilter named;
  named.id_or_request_id = event.refers_to;
  named.kind = "request";
  named.limit = 1;
  Task<Result<std::vector<audit::StoredEvent>>> looking = read_events(std::move(named));
  const Result<std::vector<audit::StoredEvent>> found = co_await std::move(looking);
  if (!found) co_return fail(found.error());
  if (found->empty()) co_return fail(ErrorCode::NotFound, "the record has no request of this id", "event_id");
  event.refers_to = found->front().id;
  event.task = found->front().task;
  event.id = new_uuid7(clock, random);
  event.time = clock.wall_now();
  event.policy_version = gateway->snapshot()->policy->version;
  std::string id = event.id;
  if (!recorder->record(std::move(event))) co_return fail(ErrorCode::Overloaded, "the audit queue is full");
  co_return id;
}

}  // namespace suffice::app
