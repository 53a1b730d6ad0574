#include "workflow/patterns/maker/estimate.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/text.hpp"
#include "wire/json.hpp"

namespace suffice::workflow::maker {
namespace {

namespace json = boost::json;

/// The right answer as a model that makes no mistake would write it.
std::string written(const AnswerFormat& format, const json::value* action, const json::value& next) {
  if (format.shape == AnswerFormat::Shape::Pair) {
    const json::object pair{{"action", *action}, {"state", next}};
    return wire::canonical_json(pair);
  }
  const auto* text = next.if_string();
  return text == nullptr ? wire::canonical_json(next) : std::string(*text);
}

Result<KnownStep> read_known_step(std::string_view line, const AnswerFormat& format, const std::string& where) {
  const auto fault = [&where](const char* message) { return fail(ErrorCode::InvalidArgument, message, where); };
  Result<json::value> value = wire::parse_json(line);
  if (!value) return fail(value.error().code, value.error().message, where);
  const auto* object = value->if_object();
  const auto* text = object == nullptr ? nullptr : object->if_contains("do");
  const auto* state = object == nullptr ? nullptr : object->if_contains("state");
  const auto* action = object == nullptr ? nullptr : object->if_contains("action");
  const auto* next = object == nullptr ? nullptr : object->if_contains("next");
  if (text == nullptr || !text->is_string() || state == nullptr || next == nullptr) {
    return fault(R"(a known step is {"do": text, "state": ..., "next": ...})");
  }
  if (format.shape == AnswerFormat::Shape::Pair && action == nullptr) return fault("the right \"action\" is missing");
  const auto right = read_vote(format, {.text = written(format, action, *next), .finish = FinishReason::Stop});
  if (!right) {
    return fail(ErrorCode::InvalidArgument,
                "the right answer is not of the task's own format: " + std::string(name(right.error())), where);
  }
  return KnownStep{.instruction = std::string(text->get_string()),
                   .state = wire::canonical_json(*state),
                   .canonical = right->canonical};
}

}  // namespace

Result<std::vector<KnownStep>> read_known_steps(std::string_view lines, const AnswerFormat& format) {
  std::vector<KnownStep> steps;
  for (std::size_t number = 1; !lines.empty(); ++number) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = trim(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.empty()) continue;
    SUFFICE_TRY(KnownStep step, read_known_step(line, format, "line " + std::to_string(number)));
    steps.push_back(std::move(step));
  }
  if (steps.empty()) return fail(ErrorCode::InvalidArgument, "there is no known step");
  return steps;
}

VoteOdds Estimate::odds() const {
  if (valid == 0) return {};
  const auto votes = static_cast<double>(valid);
  return {.right = static_cast<double>(right) / votes, .best_wrong = static_cast<double>(best_wrong) / votes};
}

double Estimate::valid_share() const {
  return samples == 0 ? 0 : static_cast<double>(valid) / static_cast<double>(samples);
}

learned::Interval Estimate::right_interval() const { return learned::clopper_pearson(right, valid); }
learned::Interval Estimate::valid_interval() const { return learned::clopper_pearson(valid, samples); }

VoteOdds Estimate::odds_at(double p) const {
  const auto wrong = static_cast<double>(valid - right);
  const double share = wrong > 0 ? static_cast<double>(best_wrong) / wrong : 1.0;
  return {.right = p, .best_wrong = (1 - p) * share};
}

Task<Result<Estimate>> estimate_worker(StepWorker& worker, const AnswerFormat& format,
                                       const std::vector<KnownStep>& steps, int votes) {
  Estimate seen;
  std::vector<Result<Sample>> samples;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const StepQuestion question{.step = i, .instruction = steps[i].instruction, .state = steps[i].state};
    Result<void> asked = co_await worker.sample(question, {.first = 0, .count = votes}, samples);
    if (!asked) co_return fail(std::move(asked).error());
    std::map<std::string, std::int64_t> wrong;
    for (const Result<Sample>& sample : samples) {
      ++seen.samples;
      if (!sample) {
        seen.discarded.add(RedFlag::CallFailed);
        continue;
      }
      const auto vote = read_vote(format, *sample);
      if (!vote) {
        seen.discarded.add(vote.error());
        continue;
      }
      ++seen.valid;
      if (vote->canonical == steps[i].canonical) {
        ++seen.right;
      } else {
        ++wrong[vote->canonical];
      }
    }
    std::int64_t best = 0;
    for (const auto& [canonical, count] : wrong) best = std::max(best, count);
    seen.best_wrong += best;
  }
  co_return seen;
}

ModelForecast forecast_model(std::string model, const Estimate& estimate, Usd per_call, std::uint64_t steps,
                             double target) {
  ModelForecast made;
  made.model = std::move(model);
  made.estimate = estimate;
  made.per_call = per_call;
  const WorkerFigures seen{.odds = estimate.odds(), .valid = estimate.valid_share(), .per_call = per_call};
  const learned::Interval right = estimate.right_interval();
  const WorkerFigures low{
      .odds = estimate.odds_at(right.low), .valid = estimate.valid_interval().low, .per_call = per_call};
  made.expected = forecast(seen, steps, target);
  made.cautious = forecast(low, steps, target);
  made.reliability_price = price_of_reliability(seen, steps, target);
  const Result<RunForecast>& run = made.cautious ? made.cautious : made.expected;
  made.success = {.low = 0, .high = 0};
  if (run) {
    made.success = {.low = run_success(low.odds, run->ahead_by, steps),
                    .high = run_success(estimate.odds_at(right.high), run->ahead_by, steps)};
  }
  return made;
}

const ModelForecast* best_model(const std::vector<ModelForecast>& models) {
  const auto better = [](const ModelForecast& a, const ModelForecast& b) {
    if (a.cautious.has_value() != b.cautious.has_value()) return a.cautious.has_value();
    return *a.reliability_price < *b.reliability_price;
  };
  const ModelForecast* best = nullptr;
  for (const ModelForecast& model : models) {
    if (model.reliability_price && (best == nullptr || better(model, *best))) best = &model;
  }
  return best;
}

}  // namespace suffice::workflow::maker
