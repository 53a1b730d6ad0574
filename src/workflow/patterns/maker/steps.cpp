#include "workflow/patterns/maker/steps.hpp"

#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "wire/json.hpp"
#include "wire/json_writer.hpp"

namespace suffice::workflow::maker {
namespace {

namespace asio = boost::asio;

/// A worker that never waits would keep its thread from everything else: after so many steps the others have a turn (about a millisecond,
/// maker_bench).
constexpr std::uint64_t kStepsInARow = 128;

/// The vote of one step, with what its samples said.
class StepVote {
 public:
  explicit StepVote(const StepRules& rules) : rules_(rules), voting_(rules.voting) {}

  void add(const Result<Sample>& sample) {
    if (!sample) return voting_.discard(RedFlag::CallFailed);
    // Samples mostly repeat each other byte for byte; such a one is what the first was.
    for (const Seen& seen : seen_) {
      if (sample->finish == seen.finish && sample->text == seen.text) {
        voting_.vote(seen.canonical);
        return;
      }
    }
    auto vote = read_vote(rules_.format, *sample);
    if (!vote) return voting_.discard(vote.error());
    const std::size_t candidate = voting_.vote(vote->canonical);
    if (candidate == answers_.size()) answers_.push_back(std::move(vote->answer));
    seen_.push_back({.text = sample->text, .finish = sample->finish, .canonical = std::move(vote->canonical)});
  }

  [[nodiscard]] const Voting& voting() const { return voting_; }
  StepAnswer take_winner() { return std::move(answers_[voting_.leader()]); }

 private:
  struct Seen {
    std::string text;
    FinishReason finish = FinishReason::Stop;
    std::string canonical;
  };
  const StepRules& rules_;
  Voting voting_;
  std::vector<StepAnswer> answers_;  ///< by candidate
  std::vector<Seen> seen_;
};

std::string place(std::uint64_t step) { return "step " + std::to_string(step + 1); }

/// The worker's answer, or nothing when the votes did not converge.
Task<Result<std::optional<StepAnswer>>> vote_on(const StepRules& rules, const StepQuestion& question,
                                                StepWorker& worker, std::vector<Result<Sample>>& samples,
                                                Progress& at) {
  StepVote vote(rules);
  Result<void> asked;
  while (asked && vote.voting().status() == Voting::Status::NeedsMore) {
    const SampleRange range{.first = vote.voting().samples(), .count = vote.voting().samples_wanted()};
    asked = co_await worker.sample(question, range, samples);
    if (!asked) break;
    for (const Result<Sample>& sample : samples) vote.add(sample);
    if (samples.empty()) asked = fail(ErrorCode::Internal, "the worker gave no samples", place(question.step));
  }
  at.votes += static_cast<std::uint64_t>(vote.voting().votes());
  at.samples += static_cast<std::uint64_t>(vote.voting().samples());
  at.discarded += vote.voting().discarded();
  if (!asked) co_return fail(std::move(asked).error());
  std::optional<StepAnswer> answer;
  if (vote.voting().status() == Voting::Status::Decided) answer = vote.take_winner();
  co_return answer;
}

/// The frontier's answer to a step that the votes left open.
Task<Result<StepAnswer>> escalate(const StepRules& rules, const StepQuestion& question, StepWorker* frontier,
                                  std::vector<Result<Sample>>& samples, Progress& at) {
  if (frontier == nullptr) {
    co_return fail(ErrorCode::NoFrontier,
                   "votes_inconclusive: the votes did not converge within " + std::to_string(rules.voting.samples_max) +
                       " samples, and there is no frontier model to ask",
                   place(question.step));
  }
  ++at.escalated;
  if (at.escalated_steps.size() < Progress::kEscalatedKept) at.escalated_steps.push_back(question.step);
  Error last;
  for (int i = 0; i < rules.frontier_tries; ++i) {
    Result<void> asked = co_await frontier->sample(question, SampleRange{.first = i, .count = 1}, samples);
    if (!asked) co_return fail(std::move(asked).error());
    ++at.samples;
    if (samples.empty() || !samples.front()) {
      at.discarded.add(RedFlag::CallFailed);
      last =
          samples.empty() ? fail(ErrorCode::Internal, "the frontier gave no sample").error() : samples.front().error();
      continue;
    }
    auto vote = read_vote(rules.format, *samples.front());
    if (vote) co_return std::move(vote->answer);
    at.discarded.add(vote.error());
    last = fail(ErrorCode::OutputRejected, "votes_inconclusive, and the frontier's answer breaks the step's format: " +
                                               std::string(name(vote.error())))
               .error();
  }
  last.where = place(question.step);
  co_return fail(std::move(last));
}

Task<Result<void>> may_go_on(const StepHooks& hooks, std::uint64_t step) {
  if (step % kStepsInARow == 0) co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none || (hooks.stopping && hooks.stopping())) {
    co_return fail(ErrorCode::Cancelled, "the run was asked to stop", place(step));
  }
  co_return Result<void>{};
}

void append_counts(wire::JsonWriter& writer, const RedFlagCounts& discarded) {
  writer.key("discarded").begin_object();
  for (std::size_t i = 0; i < kRedFlags; ++i) {
    if (discarded.counts[i] > 0) writer.field(name(static_cast<RedFlag>(i)), discarded.counts[i]);
  }
  writer.end_object();
}

std::unexpected<Error> no_progress(std::string where) {
  return fail(ErrorCode::InvalidArgument, "this is no checkpoint of a MAKER run", std::move(where));
}

/// A count: a whole number of at least 0 that a JSON integer holds.
Result<std::uint64_t> read_count(const boost::json::value* value, const char* where) {
  const auto* number = value == nullptr ? nullptr : value->if_int64();
  if (number == nullptr || *number < 0) return no_progress(where);
  return static_cast<std::uint64_t>(*number);
}

Result<RedFlagCounts> read_counts(const boost::json::value* value) {
  const auto* object = value == nullptr ? nullptr : value->if_object();
  if (object == nullptr) return no_progress("/discarded");
  RedFlagCounts counts;
  for (const auto& member : *object) {
    const std::optional<RedFlag> flag = red_flag_from_name(member.key());
    if (!flag) return no_progress("/discarded");
    SUFFICE_TRY(const std::uint64_t count, read_count(&member.value(), "/discarded"));
    counts.add(*flag, count);
  }
  return counts;
}

Result<std::string> read_text(const boost::json::value* value, const char* where) {
  if (value == nullptr || !value->is_string()) return no_progress(where);
  return std::string(value->get_string());
}

}  // namespace

Task<Result<void>> make_steps(const StepRules& rules, const Plan& plan, StepWorker& worker, StepWorker* frontier,
                              Progress& at, const StepHooks& hooks) {
  co_await asio::this_coro::throw_if_cancelled(false);
  std::vector<Result<Sample>> samples;
  while (at.step < plan.steps()) {
    Result<void> on = co_await may_go_on(hooks, at.step);
    if (!on) co_return on;
    const StepQuestion question{.step = at.step, .instruction = plan.instruction(at.step), .state = at.state};
    Result<std::optional<StepAnswer>> voted = co_await vote_on(rules, question, worker, samples, at);
    if (!voted) co_return fail(std::move(voted).error());
    StepAnswer answer;
    if (*voted) {
      answer = **std::move(voted);
    } else {
      if (hooks.inconclusive) hooks.inconclusive(at.step);
      Result<StepAnswer> answered = co_await escalate(rules, question, frontier, samples, at);
      if (!answered) co_return fail(std::move(answered).error());
      answer = *std::move(answered);
    }
    at.state = std::move(answer.state);
    at.action = std::move(answer.action);
    ++at.step;
    if (hooks.committed) {
      if (Result<void> kept = hooks.committed(at); !kept) co_return kept;
    }
  }
  co_return Result<void>{};
}

void Progress::append_json(std::string& out) const {
  wire::JsonWriter writer(out);
  writer.begin_object().field("step", step).field("state", state).field("action", action);
  writer.field("votes", votes).field("samples", samples);
  append_counts(writer, discarded);
  writer.field("escalated", escalated).key("escalated_steps").begin_array();
  for (const std::uint64_t escalated_step : escalated_steps) writer.integer(static_cast<std::int64_t>(escalated_step));
  writer.end_array().end_object();
}

Result<Progress> Progress::read(std::string_view json) {
  SUFFICE_TRY(const boost::json::value value, wire::parse_json(json));
  const auto* object = value.if_object();
  if (object == nullptr || object->size() != 8) return no_progress("");
  Progress at;
  SUFFICE_TRY(at.step, read_count(object->if_contains("step"), "/step"));
  SUFFICE_TRY(at.state, read_text(object->if_contains("state"), "/state"));
  SUFFICE_TRY(at.action, read_text(object->if_contains("action"), "/action"));
  SUFFICE_TRY(at.votes, read_count(object->if_contains("votes"), "/votes"));
  SUFFICE_TRY(at.samples, read_count(object->if_contains("samples"), "/samples"));
  SUFFICE_TRY(at.discarded, read_counts(object->if_contains("discarded")));
  SUFFICE_TRY(at.escalated, read_count(object->if_contains("escalated"), "/escalated"));
  const auto* steps = object->if_contains("escalated_steps");
  if (steps == nullptr || !steps->is_array() || steps->get_array().size() > kEscalatedKept)
    return no_progress("/escalated_steps");
  for (const boost::json::value& item : steps->get_array()) {
    SUFFICE_TRY(const std::uint64_t step, read_count(&item, "/escalated_steps"));
    at.escalated_steps.push_back(step);
  }
  return at;
}

}  // namespace suffice::workflow::maker
