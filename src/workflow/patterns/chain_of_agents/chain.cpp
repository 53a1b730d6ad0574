#include "workflow/patterns/chain_of_agents/chain.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "wire/json.hpp"
#include "workflow/documents/document.hpp"
#include "workflow/patterns/chain_of_agents/chain_json.hpp"
#include "workflow/patterns/chain_of_agents/chain_plan.hpp"

namespace suffice::workflow::chain {
namespace {

namespace json = boost::json;

constexpr int kAttempts = 2;
constexpr int kReplansMax = 4;
constexpr double kReplanMargin = 1.05;
constexpr std::int64_t kUnlimitedTokens = std::int64_t{1} << 40;

/// A worker's failure that is not about this part: asking again or going on would only fail again, or be paid again.
bool ends_the_run(ErrorCode code) {
  switch (code) {
    case ErrorCode::Cancelled:
    case ErrorCode::DeadlineExceeded:
    case ErrorCode::BudgetExhausted:
    case ErrorCode::NoFrontier:
    case ErrorCode::ModelUnavailable:
    case ErrorCode::UpstreamUnauthorized:
      return true;
    default:
      return false;
  }
}

std::string why_of(const Error& error) {
  return error.where.empty() ? error.message : error.message + " (" + error.where + ")";
}

/// What every executor of one flow shares. Immutable.
struct Parts {
  ChainSpec spec;
  ChainModels models;
};
using Shared = std::shared_ptr<const Parts>;

// ---- plan: the document cut into parts ----

struct ChainInput {
  Document document;
  std::string query;
};

/// Several documents are read as one, each below a line with its name.
Result<ChainInput> read_input(const FlowMessage& message) {
  SUFFICE_TRY(FlowRequest request, read_request(message));
  if (request.documents.empty())
    return fail(ErrorCode::InvalidArgument, "a chain reads a document; none was given", "documents");
  std::string name = request.documents.front().name;
  std::string text;
  if (request.documents.size() == 1) {
    text = std::move(request.documents.front().text);
  } else {
    name = fmt::format("{} documents", request.documents.size());
    for (const FlowRequest::Text& each : request.documents) text += fmt::format("=== {}\n{}\n", each.name, each.text);
  }
  SUFFICE_TRY(Document document, Document::create(name, std::move(text)));
  return ChainInput{.document = std::move(document), .query = std::move(request.query)};
}

HopBudget budget_of(const Parts& parts) {
  HopBudget budget = parts.spec.budget;
  const std::int64_t window = parts.models.worker->window();
  if (window > 0) budget.window = std::min(budget.window, window);
  return budget;
}

/// How many times more tokens than estimated the fullest prompt has; 1 and below: all fit.
Task<double> overrun(const Parts& parts, const ChainPlan& plan, const HopBudget& budget, FlowRun& run) {
  const std::int64_t allowed = budget.window - budget.headroom - budget.state;
  double worst = 0;
  for (const TextRange& chunk : plan.chunks) {
    const HopInput input{.query = plan.query, .chunk = chunk.of(plan.document), .state = {}, .ledger = nullptr};
    const std::int64_t tokens = co_await parts.models.worker->prompt_tokens(input, run);
    worst = std::max(worst, static_cast<double>(tokens) / static_cast<double>(allowed));
  }
  co_return worst;
}

Task<Result<FlowMessage>> plan_parts(Shared parts, FlowMessage message, FlowRun& run) {
  Result<ChainInput> input = read_input(message);
  if (!input) co_return fail(std::move(input).error());
  ChainPlan plan;
  plan.metadata = input->document.metadata().text;
  plan.document = std::move(input->document.text);
  plan.query = std::move(input->query);
  plan.shuffle = run.random().next();
  const HopBudget budget = budget_of(*parts);
  for (int tries = 0;; ++tries) {
    Result<Chunks> chunks = plan_chunks(plan.document, plan.query, budget, parts->spec.hops_max, plan.counter());
    if (!chunks) co_return fail(std::move(chunks).error());
    plan.chunks = *std::move(chunks);
    if (parts->models.worker->window() == 0) break;
    const double over = co_await overrun(*parts, plan, budget, run);
    if (over <= 1) break;
    if (tries == kReplansMax) {
      co_return fail(ErrorCode::ContextOverflow, "the model needs more tokens for this text than could be planned for",
                     "document");
    }
    plan.scale *= over * kReplanMargin;
  }
  plan.keep(run);
  run.progress(fmt::format("{} parts", plan.chunks.size()));
  co_return HopState{}.message(std::string(kPartType));
}

// ---- a hop: one part read with what was found before ----

/// Reads one part; what comes of it is in `hop`.
class Hop {
 public:
  Hop(const Parts& parts, const ChainPlan& plan, std::size_t chunk, HopState& hop)
      : parts_(parts), plan_(plan), budget_(budget_of(parts)), chunk_(chunk), hop_(hop), before_(hop.state) {}

  Task<Result<void>> run(FlowRun& run) {
    std::string why;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (attempt == 1) ++hop_.report.retried;
      Result<std::string> answer = co_await ask(attempt, run);
      if (!answer && ends_the_run(answer.error().code)) co_return fail(std::move(answer).error());
      if (!answer) {
        why = why_of(answer.error());
        continue;
      }
      Result<void> taken = take(*answer);
      if (taken) {
        ++hop_.report.read;
        hop_.unread_in_a_row = 0;
        co_return check_state();
      }
      why = why_of(taken.error());
    }
    hop_.report.unread.push_back({.chunk = chunk_, .why = why});
    if (++hop_.unread_in_a_row >= parts_.spec.unread_in_a_row_max) {
      co_return fail(ErrorCode::OutputRejected,
                     fmt::format("the worker could make nothing of {} parts in a row; the last because {}",
                                 hop_.unread_in_a_row, why),
                     fmt::format("part {}", chunk_ + 1));
    }
    co_return Result<void>{};
  }

 private:
  [[nodiscard]] std::string_view text() const { return plan_.chunks[chunk_].of(plan_.document); }

  /// The state in fewer and fewer tokens until the prompt fits; a part never goes to a model whose window it overruns.
  Task<Result<std::string>> ask(int attempt, FlowRun& run) {
    const std::string akin = plan_.query + "\n" + std::string(text());
    for (std::int64_t tokens = budget_.state;; tokens /= 2) {
      const StateView view = view_of(hop_.state, Shown::Everything, akin, tokens, plan_.counter());
      const HopInput input{.query = plan_.query,
                           .chunk = text(),
                           .state = view.text,
                           .ledger = &hop_.state,
                           .attempt = static_cast<std::size_t>(attempt)};
      const std::int64_t prompt = co_await parts_.models.worker->prompt_tokens(input, run);
      const bool fits = parts_.models.worker->window() == 0 || prompt + budget_.headroom <= budget_.window;
      if (!fits && tokens > 0) continue;
      if (!fits) co_return fail(ErrorCode::ContextOverflow, "the part does not fit into the model's window");
      hop_.report.facts_hidden = std::max(hop_.report.facts_hidden, view.hidden);
      hop_.report.prompt_tokens += prompt;
      Result<std::string> answer = co_await parts_.models.worker->read(input, run);
      co_return answer;
    }
  }

  Result<void> take(std::string_view answer) {
    SUFFICE_TRY(const WorkerReply reply, parse_worker_reply(answer, parts_.spec.reply));
    const TakenFacts taken = take_facts(reply, plan_.document, plan_.chunks[chunk_], chunk_, parts_.spec.reply.quotes,
                                        parts_.spec.facts_max, hop_.state);
    hop_.report.facts_unverified += taken.unverified;
    hop_.report.facts_refused += taken.refused;
    if (!reply.facts.empty() && taken.unverified == reply.facts.size())
      return fail(ErrorCode::OutputRejected, "none of its quotes stands in the part");
    if (reply.summary) hop_.state.set_summary(*reply.summary);
    return {};
  }

  /// What the ledger promises, checked where it would be broken.
  [[nodiscard]] Result<void> check_state() const {
    if (!hop_.state.keeps(before_) || (hop_.state.empty() && !before_.empty()))
      return fail(ErrorCode::Internal, "a hop lost a fact of the ledger", fmt::format("part {}", chunk_ + 1));
    return {};
  }

  const Parts& parts_;
  const ChainPlan& plan_;
  HopBudget budget_;
  std::size_t chunk_;
  HopState& hop_;
  CarriedState before_;
};

Task<Result<FlowMessage>> read_part(Shared parts, ReadingOrder order, FlowMessage message, FlowRun& run) {
  Result<HopState> hop = HopState::of(message);
  if (!hop) co_return fail(std::move(hop).error());
  const Result<ChainPlan> plan = ChainPlan::of(run);
  if (!plan) co_return fail(plan.error());
  if (hop->at >= plan->chunks.size()) co_return fail(ErrorCode::Internal, "no such part", std::string(name(order)));
  Hop reading(*parts, *plan, plan->chunk_at(order, hop->at), *hop);
  Result<void> done = co_await reading.run(run);
  if (!done) co_return fail(std::move(done).error());
  ++hop->at;
  run.progress(
      fmt::format("{}: part {} of {}, {} facts", name(order), hop->at, plan->chunks.size(), hop->state.facts().size()));
  co_return hop->message(std::string(hop->at < plan->chunks.size() ? kPartType : kReadType));
}

// ---- the manager ----

struct ManagerAnswer {
  std::string answer;
  bool found = false;
};

/// Without a manager the facts are the answer.
std::string listed(const CarriedState& state) {
  std::string text;
  for (const LedgerFact& fact : state.facts()) text += fmt::format("- part {}: {}\n", fact.chunk + 1, fact.quote);
  return text;
}

providers::ModelCall manager_call(const Parts& parts, const ChainPlan& plan, const CarriedState& state,
                                  std::int64_t window, Shown shown) {
  const prompts::TokenCounter count = plan.counter();
  const std::int64_t fixed = count(joined_text(manager_messages(plan.query, plan.metadata, {})));
  const std::int64_t room = window > 0 ? window - fixed - parts.spec.answer_tokens_max : kUnlimitedTokens;
  const StateView view = view_of(state, shown, plan.query, std::max<std::int64_t>(0, room), count);
  providers::ModelCall call;
  call.request.messages = manager_messages(plan.query, plan.metadata, view.text);
  call.request.sampling.max_tokens = parts.spec.answer_tokens_max;
  call.request.sampling.temperature = 0;
  call.input = plan.query;
  return call;
}

Task<Result<ManagerAnswer>> ask_manager(const Parts& parts, const ChainPlan& plan, const CarriedState& state,
                                        FlowRun& run) {
  // Who is shown nothing can only say that it is not there.
  if (state.empty()) co_return ManagerAnswer{.answer = "not found", .found = false};
  const PortModel* manager = parts.models.manager.get();
  if (manager == nullptr) co_return ManagerAnswer{.answer = listed(state), .found = !state.facts().empty()};
  ModelPort port = run.port(*manager);
  const Shown shown = manager->model.local ? Shown::Everything : parts.spec.share;
  const providers::ModelCall call = manager_call(parts, plan, state, port.context_window(), shown);
  std::string_view why = "nothing was written";
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Result<Completion> completion = co_await port.ask(call, run.deadline());
    if (!completion) co_return fail(std::move(completion).error());
    const bool cut = completion->finish == FinishReason::Length;
    if (!cut && !canonical_answer(completion->text).empty()) {
      const bool found = !says_not_found(completion->text);
      co_return ManagerAnswer{.answer = std::move(completion->text), .found = found};
    }
    if (cut) why = "it was cut off at its limit";
  }
  co_return fail(ErrorCode::OutputRejected, fmt::format("the manager gave no answer twice: {}", why),
                 manager->model.name);
}

ChainOutcome outcome_of(const ChainPlan& plan, std::vector<PathAnswer> paths) {
  ChainOutcome outcome;
  outcome.chunks = plan.chunks.size();
  std::vector<CarriedState> states;
  for (const PathAnswer& path : paths) states.push_back(path.state);
  outcome.facts = merged(states).facts();
  outcome.paths = std::move(paths);
  return outcome;
}

Task<Result<FlowMessage>> answer_path(Shared parts, ReadingOrder order, FlowMessage message, FlowRun& run) {
  Result<HopState> hop = HopState::of(message);
  if (!hop) co_return fail(std::move(hop).error());
  const Result<ChainPlan> plan = ChainPlan::of(run);
  if (!plan) co_return fail(plan.error());
  if (hop->report.read == 0) {
    co_return fail(ErrorCode::OutputRejected,
                   "no part of the document could be read: " + hop->report.unread.front().why,
                   std::string(name(order)));
  }
  Result<ManagerAnswer> answer = co_await ask_manager(*parts, *plan, hop->state, run);
  if (!answer) co_return fail(std::move(answer).error());
  PathAnswer path{.order = order,
                  .answer = std::move(answer->answer),
                  .found = answer->found,
                  .state = std::move(hop->state),
                  .report = std::move(hop->report)};
  std::string text = path.answer;
  const bool found = path.found;
  std::vector<PathAnswer> paths;
  paths.push_back(std::move(path));
  ChainOutcome outcome = outcome_of(*plan, std::move(paths));
  outcome.answer = std::move(text);
  outcome.found = found;
  co_return outcome.to_message();
}

// ---- several paths ----

Result<std::vector<PathAnswer>> joined_paths(const FlowMessage& message) {
  SUFFICE_TRY(const json::value value, wire::parse_json(message.body.text));
  if (!value.is_array()) return fail(ErrorCode::MalformedRequest, "the paths are no array");
  std::vector<PathAnswer> paths;
  for (const json::value& each : value.as_array()) {
    const json::value* body = each.is_object() ? each.as_object().if_contains("body") : nullptr;
    if (body == nullptr) return fail(ErrorCode::MalformedRequest, "a path without an answer");
    const FlowMessage answer{.type = std::string(kAnswerType), .body = {json::serialize(*body)}};
    SUFFICE_TRY(ChainOutcome outcome, ChainOutcome::of(answer));
    for (PathAnswer& path : outcome.paths) paths.push_back(std::move(path));
  }
  return paths;
}

/// The place of the first path of the largest group that says the same, and the group's size; size 0 when two groups are equally large.
std::pair<std::size_t, std::size_t> plurality(const std::vector<PathAnswer>& paths) {
  std::map<std::string, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    groups[paths[i].found ? canonical_answer(paths[i].answer) : std::string()].push_back(i);
  }
  std::size_t best = 0;
  std::size_t first = 0;
  bool tie = false;
  for (const auto& [answer, members] : groups) {
    tie = members.size() == best || (tie && members.size() < best);
    if (members.size() <= best) continue;
    best = members.size();
    first = members.front();
  }
  return {first, tie ? 0 : best};
}

Task<Result<FlowMessage>> vote(Shared parts, FlowMessage message, FlowRun& run) {
  Result<std::vector<PathAnswer>> paths = joined_paths(message);
  if (!paths) co_return fail(std::move(paths).error());
  const Result<ChainPlan> plan = ChainPlan::of(run);
  if (!plan) co_return fail(plan.error());
  const auto [first, votes] = plurality(*paths);
  ChainOutcome outcome = outcome_of(*plan, *std::move(paths));
  outcome.agreeing = votes;
  if (votes > 0) {
    outcome.answer = outcome.paths[first].answer;
    outcome.found = outcome.paths[first].found;
  } else {
    // The union of verified facts holds more than any path: better than taking one side.
    std::vector<CarriedState> states;
    for (const PathAnswer& path : outcome.paths) states.push_back(path.state);
    const CarriedState all = merged(states);
    Result<ManagerAnswer> answer = co_await ask_manager(*parts, *plan, all, run);
    if (!answer) co_return fail(std::move(answer).error());
    outcome.answer = std::move(answer->answer);
    outcome.found = answer->found;
  }
  co_return outcome.to_message();
}

// ---- the flow ----

std::string version_of(const Parts& parts) {
  const ChainSpec& spec = parts.spec;
  const HopBudget& budget = spec.budget;
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}", parts.models.worker->version(), budget.window,
                     budget.headroom, budget.state, budget.chunk_max, spec.hops_max, spec.facts_max,
                     spec.reply.facts_max, spec.reply.fact_bytes_max, spec.reply.summary_bytes_max,
                     spec.reply.quotes.bytes_max, spec.unread_in_a_row_max);
}

std::string manager_version(const Parts& parts) {
  const PortModel* manager = parts.models.manager.get();
  return fmt::format("{} {} {} {}", manager == nullptr ? "quotes" : manager->model.name, kPromptVersion,
                     parts.spec.answer_tokens_max, parts.spec.share == Shown::Quotes ? "quotes" : "everything");
}

void add_path(FlowBuilder& builder, const Shared& parts, ReadingOrder order) {
  const std::string reader(name(order));
  const std::string answerer = reader + "_answer";
  builder.add({.name = reader,
               .takes = {std::string(kPartType)},
               .gives = {std::string(kPartType), std::string(kReadType)},
               .run = [parts, order](const FlowMessage& message,
                                     FlowRun& run) { return read_part(parts, order, message, run); },
               .version = version_of(*parts)});
  builder.add({.name = answerer,
               .takes = {std::string(kReadType)},
               .gives = {std::string(kAnswerType)},
               .run = [parts, order](const FlowMessage& message,
                                     FlowRun& run) { return answer_path(parts, order, message, run); },
               .version = manager_version(*parts)});
  builder.loop(reader, parts->spec.hops_max);
  builder.connect(reader, reader, {.label = "next part", .loop = reader});
  builder.connect(reader, answerer, {.label = "all read"});
}

}  // namespace

Result<std::shared_ptr<const Flow>> chain_flow(const ChainSpec& spec, const ChainModels& models) {
  if (spec.paths.empty()) return fail(ErrorCode::InvalidArgument, "a chain needs a path to read along", "paths");
  if (std::set<ReadingOrder>(spec.paths.begin(), spec.paths.end()).size() != spec.paths.size())
    return fail(ErrorCode::InvalidArgument, "the same path twice says nothing new", "paths");
  auto own = std::make_shared<Parts>(Parts{.spec = spec, .models = models});
  if (!own->models.worker) own->models.worker = extractive_worker({});
  const Shared parts = std::move(own);

  FlowBuilder builder("chain");
  builder.add({.name = "plan",
               .takes = {std::string(kRequestType)},
               .gives = {std::string(kPartType)},
               .run = [parts](const FlowMessage& message, FlowRun& run) { return plan_parts(parts, message, run); },
               .version = version_of(*parts)});
  std::vector<std::string> readers;
  std::vector<std::string> answerers;
  for (const ReadingOrder order : spec.paths) {
    add_path(builder, parts, order);
    readers.emplace_back(name(order));
    answerers.push_back(readers.back() + "_answer");
  }
  if (readers.size() == 1) {
    builder.connect("plan", readers.front());
    return builder.build();
  }
  builder.add({.name = "vote",
               .takes = {std::string(kJoinedType)},
               .gives = {std::string(kAnswerType)},
               .run = [parts](const FlowMessage& message, FlowRun& run) { return vote(parts, message, run); },
               .version = manager_version(*parts)});
  builder.fan_out("plan", readers);
  builder.fan_in(answerers, "vote");
  return builder.build();
}

}  // namespace suffice::workflow::chain
