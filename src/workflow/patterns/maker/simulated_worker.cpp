#include "workflow/patterns/maker/simulated_worker.hpp"

#include <utility>

#include "core/random.hpp"
#include "workflow/patterns/maker/hanoi.hpp"

namespace suffice::workflow::maker {
namespace {

/// One output of each kind that a small model spoils.
Sample red_flag(std::uint64_t kind, const std::string& right) {
  switch (kind) {
    case 0:
      return {.text = "", .finish = FinishReason::Stop};
    case 1:
      return {.text = "Let me think about this step: " + right, .finish = FinishReason::Stop};
    case 2:
      return {.text = R"({"answer":0})", .finish = FinishReason::Stop};
    default:
      return {.text = right.substr(0, right.size() / 2), .finish = FinishReason::Length};
  }
}

void append_answer(std::string& out, const HanoiMove& move, Hanoi& towers) {
  out = "{\"action\":";
  out += hanoi_action_json(move);
  out += ",\"state\":";
  // A move of the oracle's own is legal.
  if (towers.move(move)) towers.append_json(out);
  out += '}';
}

}  // namespace

Task<Result<void>> SimulatedWorker::sample(const StepQuestion& question, SampleRange range,
                                           std::vector<Result<Sample>>& out) {
  out.clear();
  if (Result<void> known = oracle_(question, answers_); !known) co_return known;
  for (int i = 0; i < range.count; ++i) {
    const auto number = static_cast<std::uint64_t>(range.first + i);
    // Odd multipliers keep streams of neighbouring steps and samples apart; SplitMix64 does the rest.
    SeededRandom random(noise_.seed + question.step * 0xd1342543de82ef95ULL + number * 0xaf251af3b0f025b5ULL);
    ++samples_;
    if (random.uniform() >= noise_.valid) {
      out.emplace_back(red_flag(random.below(4), answers_.right));
      continue;
    }
    const bool right = random.uniform() < noise_.right;
    out.emplace_back(Sample{.text = right ? answers_.right : answers_.wrong, .finish = FinishReason::Stop});
  }
  co_return Result<void>{};
}

Oracle hanoi_oracle() {
  return [](const StepQuestion& question, KnownAnswers& answers) -> Result<void> {
    SUFFICE_TRY(Hanoi towers, Hanoi::parse(question.state));
    Hanoi other = towers;
    append_answer(answers.wrong, towers.other_move(), other);
    append_answer(answers.right, towers.next_move(), towers);
    return {};
  };
}

}  // namespace suffice::workflow::maker
