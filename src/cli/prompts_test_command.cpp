// suffice prompts test: renders, asks and checks the tests inside the prompt files.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/prompts_support.hpp"
#include "prompts/answer_check.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;
using prompts::Prompt;
using prompts::PromptTest;

constexpr std::int64_t kSmallContext = 4096;

struct TestFlags : PromptFlags {
  std::vector<std::string> names;
  std::string model;
  std::string task;
};

struct Outcome {
  enum class Kind { Passed, Failed, NotAsked };
  Kind kind = Kind::Passed;
  std::string test;     ///< its name or number
  std::string problem;  ///< Failed, NotAsked: why
};

struct PromptOutcome {
  std::string prompt;
  std::vector<Outcome> tests;
  std::chrono::milliseconds spent{0};
  [[nodiscard]] std::int64_t count(Outcome::Kind kind) const { return std::ranges::count(tests, kind, &Outcome::kind); }
};

/// Answers a test: the scripted model says what the file has written for it, a real one is asked.
class Answerer {
 public:
  explicit Answerer(std::unique_ptr<PromptModel> model) : model_(std::move(model)) {}

  Outcome run(const Prompt& prompt, const PromptTest& test, std::size_t number) {
    Outcome outcome{.kind = Outcome::Kind::Passed,
                    .test = test.name.empty() ? fmt::format("test {}", number + 1) : test.name,
                    .problem = {}};
    const Result<std::string> answer = model_ ? asked(prompt, test) : scripted(prompt, test);
    if (!answer && answer.error().code == ErrorCode::NotFound) {
      outcome.kind = Outcome::Kind::NotAsked;
      outcome.problem = answer.error().message;
    } else if (!answer) {
      outcome.kind = Outcome::Kind::Failed;
      outcome.problem = describe(answer.error());
    } else if (const auto unmet = prompts::unmet_expectation(prompt, test, *answer)) {
      outcome.kind = Outcome::Kind::Failed;
      outcome.problem = *unmet;
    }
    return outcome;
  }

 private:
  Result<std::string> asked(const Prompt& prompt, const PromptTest& test) {
    SUFFICE_TRY(PromptModel::Answer answer, model_->ask(prompt, test.input));
    return std::move(answer.completion.text);
  }

  /// The prompt is rendered into a small context, and the written answer must fit the prompt's own output cap.
  static Result<std::string> scripted(const Prompt& prompt, const PromptTest& test) {
    const std::string& answer = test.answer.empty() ? test.output : test.answer;
    if (answer.empty()) return fail(ErrorCode::NotFound, "the file has no answer for the scripted model");
    prompts::RenderBudget budget;
    budget.context_tokens = kSmallContext;
    budget.output_tokens = prompt.max_output_tokens.value_or(budget.output_tokens);
    const std::vector<Message> said{Message::of(Role::User, test.input)};
    const Result<prompts::Rendered> rendered = prompts::render(prompt, said, budget);
    if (!rendered) return fail(rendered.error());
    const auto least_tokens = static_cast<std::int64_t>(answer.size()) / 8;  // no tokenizer packs English tighter
    if (least_tokens > budget.output_tokens)
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("the answer is longer than max_output_tokens ({})", budget.output_tokens));
    return answer;
  }

  std::unique_ptr<PromptModel> model_;
};

/// The prompts to test: those named, those that tiers with the model use, or all.
Result<std::vector<std::string>> names_of(const TestFlags& flags, const policy::Policy* policy) {
  if (!flags.names.empty() || policy == nullptr) return flags.names;
  std::vector<std::string> names;
  for (const auto& [name, task] : policy->tasks) {
    if (!flags.task.empty() && name != flags.task) continue;
    for (const policy::Tier& tier : task.tiers) {
      const std::string& prompt = tier.prompt.empty() ? task.prompt : tier.prompt;
      if (tier.model == flags.model && !prompt.empty() && std::ranges::find(names, prompt) == names.end())
        names.push_back(prompt);
    }
  }
  if (names.empty())
    return fail(ErrorCode::NotFound, "no task of the policy uses a prompt with this model; name prompts", flags.model);
  return names;
}

void print(const std::vector<PromptOutcome>& outcomes) {
  const bool colour = colours(STDOUT_FILENO);
  fmt::print("{:<26} {:>6} {:>7} {:>7} {:>10} {:>8}\n", "PROMPT", "TESTS", "PASSED", "FAILED", "NOT ASKED", "MS");
  for (const PromptOutcome& one : outcomes) {
    const auto failed = one.count(Outcome::Kind::Failed);
    fmt::print("{:<26} {:>6} {:>7} {} {:>10} {:>8}\n", one.prompt, one.tests.size(), one.count(Outcome::Kind::Passed),
               paint(fmt::format("{:>7}", failed), failed > 0 ? "31" : "0", colour && failed > 0),
               one.count(Outcome::Kind::NotAsked), one.spent.count());
  }
  for (const PromptOutcome& one : outcomes) {
    for (const Outcome& test : one.tests) {
      if (test.kind == Outcome::Kind::Passed) continue;
      const bool failed = test.kind == Outcome::Kind::Failed;
      fmt::print("{} {}, {}: {}\n", paint(failed ? "failed" : "not asked", failed ? "31" : "33", colour), one.prompt,
                 test.test, test.problem);
    }
  }
}

json::array to_json(const std::vector<PromptOutcome>& outcomes) {
  json::array array;
  for (const PromptOutcome& one : outcomes) {
    json::array tests;
    for (const Outcome& test : one.tests) {
      const bool passed = test.kind == Outcome::Kind::Passed;
      tests.push_back(
          json::object{{"test", test.test},
                       {"outcome", passed ? "passed" : (test.kind == Outcome::Kind::Failed ? "failed" : "not_asked")},
                       {"problem", test.problem}});
    }
    array.push_back(json::object{{"prompt", one.prompt},
                                 {"passed", one.count(Outcome::Kind::Passed)},
                                 {"failed", one.count(Outcome::Kind::Failed)},
                                 {"not_asked", one.count(Outcome::Kind::NotAsked)},
                                 {"tests", std::move(tests)}});
  }
  return array;
}

Exit test(TestFlags flags) {
  const Result<prompts::PromptLibrary> library = load_library(flags);
  if (!library) return report(library.error());
  std::shared_ptr<const policy::Policy> policy;
  std::unique_ptr<PromptModel> model;
  if (!flags.model.empty() || !flags.task.empty()) {
    const auto loaded = load_policy_of(flags);
    if (!loaded) return report(loaded.error());
    policy = *loaded;
    if (flags.model.empty()) {
      const auto task = policy->tasks.find(flags.task);
      if (task == policy->tasks.end())
        return report(
            Error{.code = ErrorCode::NotFound, .message = "the policy has no such task", .where = flags.task});
      flags.model = task->second.tiers.front().model;
    }
    Result<std::unique_ptr<PromptModel>> opened = PromptModel::open(policy, flags.model);
    if (!opened) return report(opened.error());
    model = *std::move(opened);
  }
  const Result<std::vector<std::string>> names = names_of(flags, policy.get());
  if (!names) return report(names.error());
  const auto chosen = choose_prompts(*library, *names);
  if (!chosen) return report(chosen.error());

  Answerer answerer(std::move(model));
  std::vector<PromptOutcome> outcomes;
  for (const auto& prompt : *chosen) {
    PromptOutcome outcome{.prompt = prompt->reference(), .tests = {}, .spent = {}};
    const auto started = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < prompt->tests.size(); ++i)
      outcome.tests.push_back(answerer.run(*prompt, prompt->tests[i], i));
    outcome.spent = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
    outcomes.push_back(std::move(outcome));
  }
  if (flags.json) {
    fmt::print("{}\n", json::serialize(to_json(outcomes)));
  } else {
    print(outcomes);
  }
  const bool failed =
      std::ranges::any_of(outcomes, [](const PromptOutcome& one) { return one.count(Outcome::Kind::Failed) > 0; });
  return failed ? Exit::GateNotMet : Exit::Ok;
}

}  // namespace

void add_prompts_test(CLI::App& prompts, Command& chosen) {
  auto flags = std::make_shared<TestFlags>();
  CLI::App* command = prompts.add_subcommand(
      "test",
      "Run the tests inside the prompt files: render, ask, read the answer as the prompt's parser does, compare.\n\n"
      "Without a model the scripted one answers what the file has written (answer, else output): that shows that the\n"
      "prompt renders into 4,096 tokens and that parser, schema, output cap and expectations agree; it says nothing\n"
      "about a model. With --model or --task a real model is asked.\n\n"
      "Exit 0: all passed. 2: broken files or no model. 3: a test failed.\n"
      "  suffice prompts test                              all prompts, scripted; for CI\n"
      "  suffice prompts test --model suffice-mini         the prompts that tasks use with it\n"
      "  suffice prompts test --task classify_issue        the task's first model and its prompt\n"
      "  suffice prompts test customer_intent@2 --model phi4-mini");
  command->add_option("PROMPT", flags->names, "name@version, or name for its latest");
  command->add_option("--model", flags->model, "Model of the policy to ask");
  command->add_option("--task", flags->task, "Task of the policy: its first model, its prompt");
  add_prompt_flags(*command, *flags);
  command->callback([flags, &chosen] { chosen.run = [flags] { return test(*flags); }; });
}

}  // namespace suffice::cli
