#include "engine/prepared_call.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/regex_grammar.hpp"
#include "engine/schema_grammar.hpp"
#include "engine/tool_grammar.hpp"

namespace suffice::engine {
namespace {

using Constraint = wire::EngineConstraint::Kind;

constexpr std::size_t kStopsMax = 64;

std::unexpected<Error> invalid(std::string what, std::string where) {
  return fail(ErrorCode::InvalidArgument, std::move(what), std::move(where));
}

Result<void> check(const wire::EngineCall& call) {
  if (call.messages.empty()) return invalid("the call has no messages", "messages");
  if (call.sampling.stop.size() > kStopsMax) return invalid("at most 64 stop strings", "stop");
  if (call.samples < 1 || call.samples > kSamplesMax) {
    return invalid("samples must be between 1 and " + std::to_string(kSamplesMax), "samples");
  }
  if (call.samples > 1 && call.constraint.kind == Constraint::Labels) {
    return invalid("labels are scored exactly, so samples of them add nothing; leave samples at 1", "samples");
  }
  if (!call.constraint.tools.empty() && call.constraint.kind == Constraint::Labels) {
    return invalid("labels are scored, not written, so an answer among them cannot be a call of a tool", "tools");
  }
  return {};
}

Result<std::string> grammar_of_answer(const wire::EngineConstraint& constraint) {
  switch (constraint.kind) {
    case Constraint::JsonObject:
      return json_object_grammar();
    case Constraint::JsonSchema:
      return grammar_from_schema(constraint.text);
    case Constraint::Grammar:
      return constraint.text;
    case Constraint::Regex:
      return grammar_from_regex(constraint.text);
    case Constraint::None:
    case Constraint::Labels:
      break;
  }
  return std::string();
}

Result<std::string> grammar_of(const wire::EngineConstraint& constraint) {
  SUFFICE_TRY(std::string answer, grammar_of_answer(constraint));
  if (constraint.tools.empty()) return answer;
  return grammar_with_tools(constraint, answer);
}

std::unexpected<Error> overflow(std::size_t needed, std::size_t prompt, std::size_t available) {
  return fail(ErrorCode::ContextOverflow, "the call needs " + std::to_string(needed) + " tokens (" +
                                              std::to_string(prompt) + " of them prompt) and the embedded model has " +
                                              std::to_string(available));
}

/// The room for the answers, when there is any.
Result<void> plan_room(PreparedCall& prepared, std::size_t call_tokens, std::size_t cells) {
  const wire::EngineCall& call = prepared.call();
  const std::size_t prompt = prepared.prompt.tokens.size();
  const std::size_t answer_min = prepared.labels ? prepared.labels->longest + 1 : 1;
  if (prompt == 0 || prompt + answer_min > call_tokens) return overflow(prompt + answer_min, prompt, call_tokens);
  prepared.cells = prompt;
  if (prepared.labels) return {};
  const auto room = static_cast<std::int64_t>(call_tokens - prompt);
  prepared.tokens_max = std::clamp<std::int64_t>(call.sampling.max_tokens.value_or(room), 0, room);
  prepared.sequences = call.samples;
  prepared.cells += prepared.sequences * static_cast<std::size_t>(prepared.tokens_max);
  if (prepared.cells > cells) return overflow(prepared.cells, prompt, cells);
  return {};
}

}  // namespace

Result<PreparedCall> prepare(const Preparation& with, std::shared_ptr<Job> job, std::size_t call_tokens,
                             std::size_t cells) {
  const SteadyTime start = std::chrono::steady_clock::now();
  PreparedCall prepared;
  prepared.job = std::move(job);
  const wire::EngineCall& call = prepared.call();
  SUFFICE_TRY_VOID(check(call));
  SUFFICE_TRY(prepared.adapters, with.adapters.resolve(call.adapters));
  if (call.constraint.kind == Constraint::Labels) {
    SUFFICE_TRY(LabelCache::Found found, with.labels.get(call.constraint.labels));
    (found.known ? with.counters.label_list_hits : with.counters.label_list_misses).fetch_add(1);
    prepared.labels = std::move(found.list);
  } else {
    SUFFICE_TRY(prepared.gbnf, grammar_of(call.constraint));
  }
  prepared.prompt = with.language.prompt(call.messages);
  SUFFICE_TRY_VOID(plan_room(prepared, call_tokens, cells));
  const auto spent = std::chrono::steady_clock::now() - start;
  prepared.render_us = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(spent).count());
  return prepared;
}

}  // namespace suffice::engine
