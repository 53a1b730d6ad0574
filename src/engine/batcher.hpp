#pragma once
// Many calls on one memory: answers that are being written, label paths and pieces of prompts share each computing step.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "engine/decoder.hpp"
#include "engine/label_trie.hpp"
#include "engine/prefix_cache.hpp"
#include "engine/prepared_call.hpp"
#include "engine/text_answer.hpp"

namespace suffice::engine {

/// How the sequences and cells of a memory are divided.
struct BatchPlan {
  Sequence answers = 32;   ///< answers written at once
  Sequence prefixes = 16;  ///< kept beginnings of prompts
  Sequence scratch = 32;   ///< label paths tried at once
  std::size_t prefix_cells = 1'024;
  std::size_t scratch_cells = 256;
  /// Prompt tokens of one step. Small models compute every token at the same price whatever the step's size, so a small
  /// step serves the first call soonest and lets written answers go on; 128 is where bigger ones gain nothing
  /// (bench/engine_vs_llama_bench).
  std::size_t prompt_tokens = 128;
  /// Calls of one task at once: the rest is for the other tasks, however many calls one has waiting.
  std::size_t task_calls = 12;
  std::size_t calls = 16;

  [[nodiscard]] Sequence sequences() const { return answers + prefixes + scratch; }
};

/// One thread. Nothing here waits: step() computes one step for some of the calls and ends those that are complete.
///
/// A call is admitted when the memory has room for its prompt and its longest answers, so none ever fails for want of
/// memory half-way. Calls with different adapters take turns by step, since a step has one set of them.
class Batcher {
 public:
  /// All parameters outlive this. `decoder.limits()` must have room for `plan`.
  Batcher(Decoder& decoder, const Preparation& preparation, const BatchPlan& plan, const Clock& clock);
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  /// No call is here.
  [[nodiscard]] bool idle() const { return calls_.empty() && !waiting_; }
  /// Whether another call could be of use now: memory and sequences are left, and the next step's prompt tokens are not
  /// all spoken for.
  [[nodiscard]] bool wants_more() const;
  [[nodiscard]] bool wants(const std::string& task) const;
  [[nodiscard]] std::size_t active() const { return calls_.size(); }

  /// `job` holds an EngineCall. Ends it at once when it cannot be computed.
  void admit(std::shared_ptr<Job> job);
  void step();
  /// Ends every call with `error` and starts afresh: after an exception, whose place nobody knows.
  void fail_all(const Error& error);

 private:
  struct Active;
  struct Wish;
  using Calls = std::vector<std::unique_ptr<Active>>;

  void activate_waiting();
  bool make_room(std::size_t cells);
  void activate(PreparedCall prepared);
  void end_unwanted();
  [[nodiscard]] std::string next_adapters();
  void plan_answers(Active& call);
  void plan_paths(Active& call);
  void plan_prompt(Active& call, std::size_t& budget);
  void compute();
  Result<void> deliver(const Wish& wish);
  Result<void> start_answer(Active& call, std::span<const float> logits);
  Result<void> write_on(Active& call, std::size_t stream, std::span<const float> logits);
  void keep_prefix(Active& call);
  void finish_if_complete(Active& call);
  static void with_text(Active& call);
  void end(Active& call, Error error);
  void release(Active& call);
  void remove_ended();

  Decoder& decoder_;
  Preparation with_;
  BatchPlan plan_;
  const Clock& clock_;
  std::size_t cells_;  ///< for prompts, answers and kept beginnings
  PrefixCache prefixes_;
  std::vector<Sequence> free_answers_;
  std::vector<Sequence> free_scratch_;
  Calls calls_;                          ///< in the order of their admission
  std::optional<PreparedCall> waiting_;  ///< for room
  std::size_t charged_ = 0;              ///< cells of the calls
  std::string adapters_;                 ///< key of the last step
  std::vector<Active*> group_;           ///< the calls of the step
  std::vector<StepToken> step_;
  std::vector<Wish> wishes_;
  std::size_t path_tokens_ = 0;  ///< of the step
};

}  // namespace suffice::engine
