#pragma once
// For tests: a decoder that keeps every sequence's tokens and refuses what a real one would abort on, a language of
// letters, an adapter shelf and a job that remembers its end. A made-up model's logits depend on the whole sequence and on
// the adapters, so that any mix-up of sequences, positions or adapters changes an answer.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/clock.hpp"
#include "core/random.hpp"
#include "engine/adapters.hpp"
#include "engine/decoder.hpp"
#include "engine/job_queue.hpp"

namespace suffice::engine {

constexpr std::size_t kFakeVocabulary = 128;
constexpr Token kFakeEnd = 0;

/// Time that a test moves by hand.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime steady_now() const override { return now; }
  [[nodiscard]] WallTime wall_now() const override { return {}; }
  SteadyTime now{std::chrono::hours(1)};
};

inline std::vector<float> fake_logits(const std::vector<Token>& history, const std::string& adapters) {
  std::uint64_t seed = 99;
  for (const char c : adapters) seed = seed * 31 + static_cast<std::uint64_t>(c);
  for (const Token token : history) seed = seed * 1'000'003 + static_cast<std::uint64_t>(token) + 1;
  SeededRandom random(seed);
  std::vector<float> logits(kFakeVocabulary);
  for (float& logit : logits) logit = static_cast<float>(8 * random.uniform());
  return logits;
}

class FakeDecoder final : public Decoder {
 public:
  using Cells = std::vector<std::shared_ptr<Token>>;  ///< shared by copies, as in the real memory

  explicit FakeDecoder(const DecoderLimits& limits)
      : limits_(limits), memory(static_cast<std::size_t>(limits.sequences)) {}

  [[nodiscard]] const DecoderLimits& limits() const override { return limits_; }

  Result<void> decode(std::span<const StepToken> step, const IsCancelled& cancelled) override {
    if (throws) throw std::runtime_error("secret words of the caller");
    if (cancelled()) return fail(ErrorCode::Cancelled, "the call was cancelled");
    check(!step.empty() && step.size() <= limits_.step_tokens, "a step has 1 to step_tokens tokens");
    outputs.clear();
    std::size_t wanted = 0;
    for (const StepToken& token : step) {
      Cells& cells_of = memory.at(static_cast<std::size_t>(token.sequence));
      check(token.position == cells_of.size(), "a position follows the one before it");
      cells_of.push_back(std::make_shared<Token>(token.token));
      outputs.push_back(token.output ? fake_logits(history(token.sequence), adapters) : std::vector<float>());
      if (token.output) ++wanted;
    }
    check(wanted <= limits_.step_outputs, "a step has at most step_outputs outputs");
    check(cells() <= limits_.cells, "the memory is large enough");
    steps.push_back({step.begin(), step.end()});
    tokens_computed += step.size();
    return {};
  }
  [[nodiscard]] std::span<const float> logits(std::size_t index) const override {
    check(index < outputs.size() && !outputs[index].empty(), "only wanted logits are read");
    return outputs[index];
  }
  void copy(Sequence from, Sequence to, std::size_t tokens) override {
    const Cells& source = memory.at(static_cast<std::size_t>(from));
    Cells& target = memory.at(static_cast<std::size_t>(to));
    check(target.empty(), "a copy goes into an empty sequence");
    check(tokens <= source.size(), "a copy is not longer than its source");
    target.assign(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(tokens));
  }
  void forget(Sequence sequence) override { memory.at(static_cast<std::size_t>(sequence)).clear(); }
  void forget_everything() override {
    for (Cells& cells_of : memory) cells_of.clear();
  }
  Result<void> use(const AdapterSet& set) override {
    if (set.key != adapters) ++switches;
    adapters = set.key;
    return {};
  }

  [[nodiscard]] std::vector<Token> history(Sequence sequence) const {
    std::vector<Token> out;
    for (const auto& cell : memory.at(static_cast<std::size_t>(sequence))) out.push_back(*cell);
    return out;
  }
  /// In use; shared ones once.
  [[nodiscard]] std::size_t cells() const {
    std::set<const Token*> distinct;
    for (const Cells& cells_of : memory) {
      for (const auto& cell : cells_of) distinct.insert(cell.get());
    }
    return distinct.size();
  }
  static void check(bool good, const char* rule) {
    if (!good) throw std::logic_error(rule);
  }

  DecoderLimits limits_;
  std::vector<Cells> memory;
  std::vector<std::vector<float>> outputs;
  std::vector<std::vector<StepToken>> steps;
  std::string adapters;
  std::size_t tokens_computed = 0;
  int switches = 0;
  bool throws = false;
};

/// A token is a byte of ASCII; 0 ends an answer. A prompt is "<role text>" for each message and then "=".
class FakeLanguage final : public Language {
 public:
  [[nodiscard]] PromptTokens prompt(const std::vector<wire::EngineMessage>& messages) const override {
    PromptTokens out;
    for (const wire::EngineMessage& message : messages) {
      append("<" + message.role + " ", out.tokens);
      out.before_last_text = out.tokens.size();
      append(message.text + ">", out.tokens);
    }
    out.tokens.push_back('=');
    return out;
  }
  [[nodiscard]] std::vector<Token> tokens(std::string_view text) const override {
    std::vector<Token> out;
    append(text, out);
    ++tokenised;
    return out;
  }
  [[nodiscard]] std::string piece(Token token) const override { return std::string(1, static_cast<char>(token)); }
  [[nodiscard]] bool ends(Token token) const override { return token == kFakeEnd; }
  [[nodiscard]] Token end_token() const override { return kFakeEnd; }

  /// "digits": ten digits, then the end. "dead": nothing is allowed.
  class Digits final : public GrammarState {
   public:
    explicit Digits(std::size_t left) : left_(left) {}
    [[nodiscard]] bool allows(Token token) const override {
      return left_ > 0 ? token >= '0' && token <= '9' : token == kFakeEnd;
    }
    [[nodiscard]] std::vector<float> mask(std::span<const float> logits) const override {
      std::vector<float> out(logits.size(), -1e30F);
      for (std::size_t i = 0; i < logits.size(); ++i) {
        if (allows(static_cast<Token>(i))) out[i] = logits[i];
      }
      return out;
    }
    void accept(Token token) override {
      FakeDecoder::check(allows(token), "only allowed tokens are accepted");
      if (left_ > 0) --left_;
    }

   private:
    std::size_t left_;
  };
  class Dead final : public GrammarState {
   public:
    [[nodiscard]] bool allows(Token /*token*/) const override { return false; }
    [[nodiscard]] std::vector<float> mask(std::span<const float> /*logits*/) const override { return {}; }
    void accept(Token /*token*/) override {}
  };
  [[nodiscard]] Result<std::unique_ptr<GrammarState>> grammar(const std::string& gbnf) const override {
    if (gbnf == "dead") return std::make_unique<Dead>();
    if (gbnf != "digits") return fail(ErrorCode::InvalidArgument, "no such grammar");
    return std::make_unique<Digits>(10);
  }

  mutable int tokenised = 0;

 private:
  static void append(std::string_view text, std::vector<Token>& out) {
    for (const char c : text) out.push_back(static_cast<Token>(c & 0x7f));
  }
};

class FakeShelf final : public AdapterShelf {
 public:
  [[nodiscard]] Result<AdapterSet> resolve(const std::vector<wire::EngineAdapterUse>& uses) const override {
    AdapterSet set;
    for (const wire::EngineAdapterUse& use : uses) {
      if (use.name == "unknown") return fail(ErrorCode::NotFound, "no such adapter", "adapters." + use.name);
      set.key += use.name + '*' + std::to_string(use.scale);
    }
    return set;
  }
  Result<std::vector<wire::EngineAdapterFacts>> carry_out(const wire::EngineAdapterOrder& order) override {
    if (order.name == "broken") return fail(ErrorCode::ModelInvalid, "not an adapter", "adapters.broken");
    if (order.action == wire::EngineAdapterOrder::Action::Load) loaded.push_back({.name = order.name});
    return loaded;
  }
  std::vector<wire::EngineAdapterFacts> loaded;
};

class FakeJob final : public Job {
 public:
  FakeJob(Request request, SteadyTime accepted, SteadyTime deadline = SteadyTime::max())
      : request_(std::move(request)), accepted_(accepted), deadline_(deadline) {}

  [[nodiscard]] const Request& request() const override { return request_; }
  [[nodiscard]] SteadyTime accepted() const override { return accepted_; }
  [[nodiscard]] SteadyTime deadline() const override { return deadline_; }
  [[nodiscard]] bool cancelled() const override { return unwanted; }
  void delta(const wire::EngineDelta& delta) override { streamed += delta.text; }
  void done(wire::EngineDone value) override {
    ++ends;
    answer = std::move(value);
  }
  void embedded(wire::EngineEmbedded value) override {
    ++ends;
    vectors = std::move(value);
  }
  void counted(wire::EngineCounted value) override {
    ++ends;
    tokens = value.tokens;
  }
  void failed(Error value) override {
    ++ends;
    error = std::move(value);
  }
  [[nodiscard]] bool ended() const { return ends > 0; }

  bool unwanted = false;
  int ends = 0;
  std::string streamed;
  std::optional<wire::EngineDone> answer;
  std::optional<wire::EngineEmbedded> vectors;
  std::optional<std::uint64_t> tokens;
  std::optional<Error> error;

 private:
  Request request_;
  SteadyTime accepted_;
  SteadyTime deadline_;
};

}  // namespace suffice::engine
