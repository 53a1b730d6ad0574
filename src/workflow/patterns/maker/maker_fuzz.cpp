// maker_fuzz --seed N --iterations N: mutated answers, plans, checkpoints and chains are refused or mean the same when read again.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "wire/fuzz_support.hpp"
#include "wire/json.hpp"
#include "workflow/patterns/maker/answer.hpp"
#include "workflow/patterns/maker/arithmetic.hpp"
#include "workflow/patterns/maker/hanoi.hpp"
#include "workflow/patterns/maker/plan.hpp"
#include "workflow/patterns/maker/steps.hpp"

using namespace suffice;
using namespace suffice::workflow::maker;
using wire::fuzz::require;

namespace {

const std::vector<std::string> kCorpus = {
    R"({"action":"add","state":{"value":16.0}})",
    R"({"action":{"disk":1,"from":0,"to":2},"state":{"last":1,"pegs":[[3,2],[],[1]]}})",
    R"({"last":1,"pegs":[[3,2],[],[1]]})",
    R"({"start":{"a":5},"steps":[{"do":"add 3"},{"do":"double","times":3}]})",
    R"({"step":1,"state":"1","action":"1","votes":3,"samples":4,"discarded":{"not_json":1},"escalated":1,"escalated_steps":[0]})",
    "5 +3 *10 /2 /4 +6",
    "-16.50e-1",
    "9007199254740993",
};
constexpr std::string_view kWords[] = {"\"",
                                       "{}",
                                       "[]",
                                       "null",
                                       "1e308",
                                       "-0",
                                       "\"do\":",
                                       "\"times\":",
                                       "\"state\":",
                                       "\"action\":",
                                       "9223372036854775807",
                                       "0.",
                                       "e",
                                       "+",
                                       "\\u0000",
                                       "\xff"};

/// A vote that was accepted is of the form, and voting for its own state again is the same vote.
bool check_vote(const AnswerFormat& format, const std::string& text) {
  const auto vote = read_vote(format, {.text = text, .finish = FinishReason::Stop});
  if (!vote) return false;
  require(wire::parse_json(vote->answer.state).has_value(), "a committed state is JSON", text);
  require(wire::parse_json(vote->answer.action).has_value(), "a committed action is JSON", text);
  if (format.shape == AnswerFormat::Shape::Pair) {
    const std::string again = R"({"state":)" + vote->answer.state + R"(,"action":)" + vote->answer.action + "}";
    const auto same = read_vote(format, {.text = again, .finish = FinishReason::Stop});
    require(again.size() > format.bytes_max || (same && same->canonical == vote->canonical), "votes again as it did",
            text);
  }
  return true;
}

bool check_plan(const std::string& text) {
  const PlanLimits limits{.steps_max = 5'000, .entries_max = 50, .bytes_max = 4'096, .instruction_max = 100};
  const Result<Plan> plan = Plan::read(text, limits);
  if (!plan) return false;
  require(plan->steps() >= 1 && plan->steps() <= limits.steps_max, "a plan is bounded", text);
  require(!plan->instruction(plan->steps() - 1).empty(), "every step is told something", text);
  const Result<Plan> again = Plan::read(plan->json(), {.steps_max = 5'000});
  require(again && again->json() == plan->json(), "a plan reads back", text);
  return true;
}

bool check_progress(const std::string& text) {
  const Result<Progress> at = Progress::read(text);
  if (!at) return false;
  std::string written;
  at->append_json(written);
  const Result<Progress> again = Progress::read(written);
  require(again && *again == *at, "a checkpoint reads back", text);
  return true;
}

bool check_others(const std::string& text) {
  const Result<std::string> number = canonical(CanonicalForm::Number, std::string_view(text));
  if (number)
    require(canonical(CanonicalForm::Number, std::string_view(*number)) == number, "a number is canonical", text);
  const Result<Hanoi> towers = Hanoi::parse(text);
  if (towers && !towers->solved()) {
    Hanoi moved = *towers;
    (void)moved.move(towers->next_move());
    require(Hanoi::parse(moved.json()).has_value(), "towers stay towers", text);
  }
  const Result<Chain> chain = read_chain(text);
  if (chain) (void)truth_of(*chain);
  return number || towers || chain;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  std::vector<AnswerFormat> formats;
  for (const auto shape : {AnswerFormat::Shape::Pair, AnswerFormat::Shape::Value}) {
    for (const auto form : {CanonicalForm::Exact, CanonicalForm::Trimmed, CanonicalForm::Number, CanonicalForm::Json,
                            CanonicalForm::Label}) {
      AnswerFormat& format = formats.emplace_back();
      format.shape = shape;
      format.action = CanonicalForm::Json;
      format.state = form;
    }
  }
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string text = wire::fuzz::mutate(kCorpus, kWords, random);
    bool read = false;
    for (const AnswerFormat& format : formats) {
      const bool voted = check_vote(format, text);
      read = read || (voted && format.shape == AnswerFormat::Shape::Pair);  // any text is some value
    }
    read = check_plan(text) || read;
    read = check_progress(text) || read;
    read = check_others(text) || read;
    if (read) ++accepted;
  }
  std::printf("%llu accepted\n", static_cast<unsigned long long>(accepted));
  return accepted == 0 ? 1 : 0;
}
