#pragma once
// Workflows from C++: a graph of your own functions and models, with budgets, checkpoints and resuming. Start here; the program
// examples/cpp/workflow_example.cpp is a whole one. Link suffice::suffice.
//
// Names no type of another library. Everything here may be used from any thread; one run stays on the thread that called it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace suffice::flows {

/// What goes from one executor to the next. `json` is one JSON value as text.
struct Message {
  std::string type;
  std::string json;
  bool operator==(const Message&) const = default;
};

/// `code` is a name of the error catalogue: "budget_exhausted", "invalid_argument" (docs/errors.md).
struct Failure {
  std::string code;
  std::string message;
  std::string where;
};
template <class T>
using Outcome = std::expected<T, Failure>;
[[nodiscard]] inline std::unexpected<Failure> failure(std::string code, std::string message) {
  return std::unexpected(Failure{.code = std::move(code), .message = std::move(message), .where = {}});
}

/// What an executor sees of its run. Valid during its call.
class Step {
 public:
  virtual ~Step() = default;
  [[nodiscard]] virtual std::string_view run_id() const = 0;
  [[nodiscard]] virtual std::uint64_t number() const = 0;
  /// The run's own state: JSON by key. What a step writes is kept when it ends well, and is there after a resume.
  [[nodiscard]] virtual std::optional<std::string> state(std::string_view key) const = 0;
  virtual void set_state(std::string_view key, std::string json) = 0;
  /// Uniform in [0, 1); the same for the same seed and step, resumed or not.
  virtual double random() = 0;
  virtual void progress(std::string_view text) = 0;
  /// True when the run is to end: a long computation asks now and then.
  [[nodiscard]] virtual bool stopping() const = 0;
  /// Allows one paid call of at most so much, or says "budget_exhausted"; then pay() what it took.
  virtual Outcome<void> reserve(double usd, std::int64_t tokens) = 0;
  virtual void pay(std::string_view model, double usd, std::int64_t input_tokens, std::int64_t output_tokens) = 0;
  /// Keeps where a long step stands; the last one is found again after a resume.
  virtual Outcome<void> checkpoint(std::string json) = 0;
  [[nodiscard]] virtual std::optional<std::string> last_checkpoint() const = 0;
};

using Function = std::function<Outcome<Message>(const Message&, Step&)>;
using Condition = std::function<bool(const Message&)>;

struct ExecutorOptions {
  std::vector<std::string> takes = {};  ///< message types; empty: any
  std::vector<std::string> gives = {};
  std::string version = {};  ///< a kept run is not resumed by another version
};

struct EdgeOptions {
  std::string label = {};
  Condition when = {};    ///< empty: always
  std::string loop = {};  ///< the loop that this edge closes
};

struct Event {
  std::string_view kind;  ///< "executor_started", "edge_taken" ...
  std::uint64_t step = 0;
  std::string_view executor;
  std::string_view to;
  std::string_view text;
};

struct RunOptions {
  std::size_t steps_max = 1000;
  std::optional<double> usd_max = {};
  std::int64_t calls_max = 0;   ///< 0: no limit
  std::int64_t tokens_max = 0;  ///< 0: no limit
  std::chrono::milliseconds time_max = std::chrono::milliseconds::max();
  /// Where checkpoints are kept; empty: nowhere. A file that is there is resumed: no finished step runs again.
  std::string journal = {};
  std::uint64_t seed = 0;
  std::stop_token stop = {};
  std::function<void(const Event&)> on_event = {};
};

struct Run {
  Message output;                ///< the last answer that led nowhere
  std::vector<Message> outputs;  ///< all of them
  std::string run_id;
  std::uint64_t steps = 0;
  std::uint64_t replayed = 0;  ///< of these, from the journal
  double usd = 0;
  std::int64_t calls = 0;
  std::int64_t tokens = 0;
};

/// What a model is asked and answers, for workflow files run from C++.
struct Question {
  std::string system;
  std::string text;
  std::vector<std::string> labels;  ///< the answer is one of these; empty: anything
  std::string schema;               ///< JSON Schema of the answer; empty: none
};
struct Answer {
  std::string text;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
};
struct Model {
  bool local = true;
  double usd_per_million_input = 0;
  double usd_per_million_output = 0;
  std::function<Outcome<Answer>(const Question&)> ask;
};

/// A checked workflow. Copies share it.
class Workflow {
 public:
  /// A workflow file (docs/workflows.md) with models by the names it uses. "policy_invalid" lists every problem with its line.
  static Outcome<Workflow> load(const std::string& file, const std::map<std::string, Model>& models);

  /// Runs on the calling thread until it ends. Failures: an executor's own, "budget_exhausted", "deadline_exceeded", "cancelled";
  /// with a journal the run can be resumed after any of them. Executors' exceptions pass through.
  [[nodiscard]] Outcome<Run> run(const Message& input, const RunOptions& options = {}) const;
  /// Mermaid's flowchart text.
  [[nodiscard]] std::string to_mermaid() const;

  struct Impl;
  explicit Workflow(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

 private:
  friend class Builder;
  std::shared_ptr<const Impl> impl_;
};

/// Collects a workflow's parts by name. build() says everything that is wrong at once.
class Builder {
 public:
  explicit Builder(std::string name);
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  /// The first one added is where a run starts.
  Builder& add(std::string name, Function function, ExecutorOptions options = {});
  Builder& connect(std::string from, std::string to, EdgeOptions options = {});
  Builder& fan_out(std::string from, std::vector<std::string> to);
  /// `at_least` 0: all. The answers come together as one message: [{"from", "type", "body"}].
  Builder& fan_in(std::vector<std::string> from, std::string to, std::size_t at_least = 0);
  Builder& sub_flow(std::string name, const Workflow& flow);
  Builder& loop(std::string name, std::size_t times_max);
  [[nodiscard]] Outcome<Workflow> build() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace suffice::flows
