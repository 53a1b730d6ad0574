#include "workflow/patterns/chain_of_agents/chain_worker.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/text.hpp"
#include "wire/json.hpp"
#include "workflow/documents/bm25.hpp"
#include "workflow/documents/sentences.hpp"

namespace suffice::workflow::chain {
namespace {

namespace json = boost::json;

constexpr double kSecondTemperature = 0.4;  // the same words at temperature 0 would give the same answer again
constexpr std::size_t kWordBytesMin = 3;    // shorter ones are in every sentence

class ModelWorker final : public ChainWorker {
 public:
  ModelWorker(std::shared_ptr<const PortModel> model, const ReplyLimits& limits, std::int64_t answer_tokens_max)
      : model_(std::move(model)), schema_(worker_reply_schema(limits)), answer_tokens_max_(answer_tokens_max) {}

  Task<Result<std::string>> read(const HopInput& input, FlowRun& run) const override {
    const providers::ModelCall call = call_of(input);
    ModelPort port = run.port(*model_);
    Result<Completion> completion = co_await port.ask(call, run.deadline());
    if (!completion) co_return fail(std::move(completion).error());
    if (completion->finish == FinishReason::Length)
      co_return fail(ErrorCode::OutputRejected, "the worker's answer was cut off at its limit");
    co_return std::move(completion->text);
  }

  Task<std::int64_t> prompt_tokens(const HopInput& input, FlowRun& run) const override {
    const providers::ModelCall call = call_of(input);
    ModelPort port = run.port(*model_);
    const std::int64_t tokens = co_await port.count_tokens(call, run.deadline());
    co_return tokens;
  }

  std::int64_t window() const override {
    const std::int64_t known = model_->client->capabilities().context_window;
    return known > 0 ? known : model_->model.context_window;
  }

  std::string version() const override { return fmt::format("{} {}", model_->model.name, kPromptVersion); }

 private:
  providers::ModelCall call_of(const HopInput& input) const {
    providers::ModelCall call;
    call.request.messages = worker_messages(input.query, input.state, input.chunk);
    call.request.sampling.max_tokens = answer_tokens_max_;
    call.request.sampling.temperature = input.attempt == 0 ? 0 : kSecondTemperature;
    call.request.sampling.seed = static_cast<std::int64_t>(input.attempt);
    call.input = std::string(input.query);
    if (model_->client->capabilities().json_schema) {
      call.constraint.kind = providers::OutputConstraint::Kind::JsonSchema;
      call.constraint.schema = schema_;
    }
    return call;
  }

  std::shared_ptr<const PortModel> model_;
  JsonText schema_;
  std::int64_t answer_tokens_max_;
};

/// English words that questions are made of and that say nothing of what is asked for. In meetings they would choose most sentences.
const std::set<std::string_view>& function_words() {
  static const std::set<std::string_view> kWords = {
      "about",   "according", "and", "are",  "did",     "discuss",   "discussed", "discussion", "does",
      "for",     "from",      "had", "has",  "have",    "her",       "his",       "how",        "its",
      "meeting", "said",      "say", "she",  "that",    "the",       "their",     "them",       "they",
      "think",   "this",      "was", "were", "what",    "when",      "where",     "which",      "who",
      "why",     "with",      "you", "your", "opinion", "summarize", "group",     "team"};
  return kWords;
}

/// Words that say something, each once.
std::string telling_words(std::string_view text) {
  std::string words;
  std::set<std::string> seen;
  for (std::string& word : words_of(text)) {
    if (word.size() < kWordBytesMin || function_words().contains(word)) continue;
    if (seen.insert(word).second) words += word + " ";
  }
  return words;
}

class ExtractiveWorker final : public ChainWorker {
 public:
  explicit ExtractiveWorker(const ExtractiveOptions& options) : options_(options) {}

  Task<Result<std::string>> read(const HopInput& input, FlowRun&) const override { co_return pick(input); }
  Task<std::int64_t> prompt_tokens(const HopInput&, FlowRun&) const override { co_return 0; }
  std::int64_t window() const override { return 0; }
  std::string version() const override {
    return fmt::format("extractive 2 {} {} {} {}", options_.sentences_max, options_.score_min, options_.notes_weight,
                       options_.sentence_bytes_max);
  }

 private:
  std::string pick(const HopInput& input) const {
    const std::vector<TextRange> sentences = split_sentences(input.chunk);
    std::vector<std::string_view> pieces;
    for (const TextRange& sentence : sentences) pieces.push_back(trim(sentence.of(input.chunk)));
    std::string notes;
    for (const LedgerFact& fact : input.ledger->facts()) notes += fact.quote + "\n";
    const Bm25 bm25(pieces);
    std::vector<double> scores = bm25.scores(telling_words(input.query));
    const std::vector<double> akin = bm25.scores(telling_words(notes));
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i] += options_.notes_weight * akin[i];
    std::vector<std::size_t> chosen;
    for (const std::size_t i : best_of(scores, scores.size())) {
      if (chosen.size() == options_.sentences_max || scores[i] < options_.score_min) break;
      if (!pieces[i].empty() && pieces[i].size() <= options_.sentence_bytes_max) chosen.push_back(i);
    }
    std::ranges::sort(chosen);
    json::array facts;
    for (const std::size_t i : chosen) facts.push_back(json::object{{"quote", pieces[i]}});
    return wire::to_json_text(json::object{{"facts", std::move(facts)}, {"summary", nullptr}}).text;
  }

  ExtractiveOptions options_;
};

}  // namespace

std::unique_ptr<ChainWorker> model_worker(std::shared_ptr<const PortModel> model, const ReplyLimits& limits,
                                          std::int64_t answer_tokens_max) {
  return std::make_unique<ModelWorker>(std::move(model), limits, answer_tokens_max);
}

std::unique_ptr<ChainWorker> extractive_worker(const ExtractiveOptions& options) {
  return std::make_unique<ExtractiveWorker>(options);
}

}  // namespace suffice::workflow::chain
