#include "workflow/patterns/minions/span_worker.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "wire/json.hpp"
#include "workflow/documents/bm25.hpp"
#include "workflow/documents/sentences.hpp"

namespace suffice::workflow::minions {

namespace {

/// Units [first, last] of one chunk.
struct Passage {
  std::size_t first = 0;
  std::size_t last = 0;
  double score = 0;  ///< the highest of its units
};

/// Only a name to ask the run's levers about; it has no client.
const PortModel& lever_model() {
  static const PortModel model = [] {
    PortModel made;
    made.model.name = "spans";
    made.model.local = true;
    return made;
  }();
  return model;
}

}  // namespace

SpanWorker::SpanWorker(const SpanReading& reading, const Question& question, bool allowed)
    : reading_(reading), text_(question.document.text), units_(units_of(question.document)), allowed_(allowed) {}

const SpanWorker::Marked& SpanWorker::marked(std::string_view instruction) {
  const auto [found, is_new] = by_instruction_.try_emplace(std::string(instruction));
  Marked& marked = found->second;
  if (!is_new) return marked;
  marked.scores = reading_.selector->scores(text_, units_, instruction);
  marked.chosen.assign(units_.size(), false);
  const double room = reading_.share * static_cast<double>(text_.size());
  double used = 0;
  for (const std::size_t unit : best_of(marked.scores, units_.size())) {
    if (marked.scores[unit] <= 0) break;
    const auto bytes = static_cast<double>(units_[unit].size());
    if (used + bytes > room) continue;
    used += bytes;
    marked.chosen[unit] = true;
  }
  return marked;
}

TextRange SpanWorker::cut_to_limit(const Marked& units, std::size_t first, std::size_t last) const {
  const std::size_t bytes_max = reading_.limits.citation_bytes_max;
  TextRange best;
  double best_score = -1;
  std::size_t begin = first;
  double sum = 0;
  for (std::size_t end = first; end <= last; ++end) {
    sum += units.scores[end];
    while (begin < end && units_[end].end - units_[begin].begin > bytes_max) sum -= units.scores[begin++];
    const TextRange range{.begin = units_[begin].begin, .end = units_[end].end};
    if (range.size() <= bytes_max && sum > best_score) {
      best = range;
      best_score = sum;
    }
  }
  if (best_score >= 0) return best;
  // Every unit alone is too long: the beginning of the best one.
  const auto highest = std::max_element(units.scores.begin() + static_cast<std::ptrdiff_t>(first),
                                        units.scores.begin() + static_cast<std::ptrdiff_t>(last) + 1);
  const TextRange& unit = units_[static_cast<std::size_t>(highest - units.scores.begin())];
  return {.begin = unit.begin, .end = unit.begin + character_start(unit.of(text_), bytes_max)};
}

std::string_view SpanWorker::passage(std::string_view instruction, const TextRange& chunk, std::size_t sample) {
  const Marked& units = marked(instruction);
  std::vector<Passage> passages;
  const auto from = std::ranges::lower_bound(units_, chunk.begin, {}, &TextRange::begin);
  bool goes_on = false;
  for (auto unit = static_cast<std::size_t>(from - units_.begin());
       unit < units_.size() && units_[unit].end <= chunk.end; ++unit) {
    if (units.chosen[unit] && goes_on) {
      passages.back().last = unit;
      passages.back().score = std::max(passages.back().score, units.scores[unit]);
    } else if (units.chosen[unit]) {
      passages.push_back({.first = unit, .last = unit, .score = units.scores[unit]});
    }
    goes_on = units.chosen[unit];
  }
  if (sample >= passages.size()) return {};
  std::ranges::sort(passages, {}, [](const Passage& one) { return std::pair(-one.score, one.first); });
  return cut_to_limit(units, passages[sample].first, passages[sample].last).of(text_);
}

Task<Result<WorkerReply>> SpanWorker::read(const ChunkQuestion& question) {
  if (!allowed_) co_return fail(ErrorCode::ModelUnavailable, "local models may not be asked for this request", "spans");
  const std::string_view found = passage(question.instruction, question.range, question.sample);
  if (found.empty()) co_return WorkerReply{.text = "null"};
  const boost::json::object object{
      {"explanation", "shares its words"}, {"citation", found}, {"answer", "see the citation"}};
  co_return WorkerReply{.text = wire::to_json_text(object).text};
}

MakeWorker span_reader(const SpanReading& reading) {
  return [reading](const Question& question, FlowRun& run) -> Result<std::unique_ptr<ChunkWorker>> {
    return std::make_unique<SpanWorker>(reading, question, !run.port(lever_model()).refused());
  };
}

}  // namespace suffice::workflow::minions
