#include "workflow/patterns/maker/model_worker.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "core/random.hpp"
#include "prompts/render.hpp"
#include "workflow/parallel.hpp"

namespace suffice::workflow::maker {
namespace {

/// Errors after which further samples are neither possible nor wanted.
bool ends_run(ErrorCode code) {
  return code == ErrorCode::BudgetExhausted || code == ErrorCode::Cancelled || code == ErrorCode::DeadlineExceeded;
}

Result<Sample> sample_of(Result<Completion> completion) {
  if (!completion) return fail(std::move(completion).error());
  if (!completion->refusal.empty()) return Sample{};
  return Sample{.text = std::move(completion->text), .finish = completion->finish};
}

Task<Result<Sample>> ask(ModelPort& port, const providers::ModelCall& call, Deadline deadline) {
  Result<Completion> completion = co_await port.ask(call, deadline);
  co_return sample_of(std::move(completion));
}

}  // namespace

std::string question_text(const std::string& pattern, const StepQuestion& question) {
  const std::array<std::pair<std::string_view, std::string>, 3> fields = {
      {{"{step}", std::string(question.instruction)},
       {"{state}", std::string(question.state)},
       {"{number}", std::to_string(question.step + 1)}}};
  std::string text;
  for (std::size_t i = 0; i < pattern.size();) {
    const std::string_view rest = std::string_view(pattern).substr(i);
    std::size_t taken = 0;
    for (const auto& [mark, value] : fields) {
      if (!rest.starts_with(mark)) continue;
      text += value;
      taken = mark.size();
      break;
    }
    if (taken == 0) text += pattern[i];
    i += taken == 0 ? 1 : taken;
  }
  return text;
}

Task<Result<void>> ModelWorker::sample(const StepQuestion& question, SampleRange range,
                                       std::vector<Result<Sample>>& out) {
  out.clear();
  Result<std::vector<Message>> asked = messages(question);
  if (!asked) co_return fail(std::move(asked).error());
  std::vector<providers::ModelCall> calls;
  for (int i = 0; i < range.count; ++i) calls.push_back(call_of(*asked, question, range.first + i));
  if (range.count == 1) {
    Result<Sample> one = co_await ask(port_, calls.front(), deadline_);
    out.push_back(std::move(one));
  } else {
    std::vector<Job<Sample>> jobs;
    for (const providers::ModelCall& call : calls) {
      jobs.emplace_back([this, &call] { return ask(port_, call, deadline_); });
    }
    std::vector<Result<Sample>> several = co_await parallel(std::move(jobs), question_.at_once);
    out = std::move(several);
  }
  for (const Result<Sample>& result : out) {
    if (!result && (ends_run(result.error().code) || port_.refused())) co_return fail(result.error());
  }
  co_return Result<void>{};
}

Result<std::vector<Message>> ModelWorker::messages(const StepQuestion& question) const {
  std::vector<Message> plain{Message::of(Role::User, question_text(question_.text, question))};
  if (question_.prompt == nullptr) return plain;
  prompts::RenderBudget budget;
  budget.context_tokens = port_.context_window();
  budget.output_tokens = question_.output_tokens_max;
  SUFFICE_TRY(prompts::Rendered rendered, prompts::render(*question_.prompt, plain, budget));
  return std::move(rendered.messages);
}

providers::ModelCall ModelWorker::call_of(const std::vector<Message>& messages, const StepQuestion& question,
                                          int number) const {
  providers::ModelCall call;
  call.request.messages = messages;
  Sampling& sampling = call.request.sampling;
  sampling.temperature = number == 0 ? question_.first_temperature : question_.later_temperature;
  sampling.max_tokens = question_.output_tokens_max;
  if (question_.seed) {
    SeededRandom random(*question_.seed + question.step * 0xd1342543de82ef95ULL +
                        static_cast<std::uint64_t>(number) * 0xaf251af3b0f025b5ULL);
    sampling.seed = static_cast<std::int64_t>(random.next() >> 33);  // servers take 31 bits
  }
  call.constraint = question_.constraint;
  call.input = messages.back().text();
  return call;
}

}  // namespace suffice::workflow::maker
