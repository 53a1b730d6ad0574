#include "workflow/patterns/maker/arithmetic.hpp"

#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "core/text.hpp"

namespace suffice::workflow::maker {
namespace {

/// Exact in a double, and a product of two operands of it fits 64 bits where one is an operand of a chain.
constexpr std::int64_t kValueMax = 1'000'000'000'000'000;
constexpr std::int64_t kOperandMax = 9'000;

std::optional<std::int64_t> read_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view take_word(std::string_view& text) {
  text = trim(text);
  const std::size_t end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(word.size());
  return word;
}

std::string text_of(const Operation& operation) {
  return std::string(1, operation.sign) + std::to_string(operation.by);
}

Operation random_operation(std::int64_t value, Random& random) {
  for (;;) {
    const char sign = "+-*/"[random.below(4)];
    const bool sum = sign == '+' || sign == '-';
    const Operation operation{.sign = sign, .by = 1 + static_cast<std::int64_t>(random.below(sum ? 99 : 12))};
    const Result<std::int64_t> next = apply(value, operation);
    if (next && *next >= 0 && *next <= 999) return operation;
  }
}

}  // namespace

Result<Operation> read_operation(std::string_view text) {
  const std::string_view word = trim(text);
  const std::optional<std::int64_t> by = word.size() < 2 ? std::nullopt : read_integer(word.substr(1));
  if (!by || *by < 0 || *by > kOperandMax || std::string_view("+-*/").find(word.front()) == std::string_view::npos) {
    return fail(ErrorCode::InvalidArgument, "an operation is one of + - * / and a whole number up to 9000, as in *10");
  }
  return Operation{.sign = word.front(), .by = *by};
}

Result<Chain> read_chain(std::string_view text) {
  Chain chain;
  const std::optional<std::int64_t> start = read_integer(take_word(text));
  if (!start || *start > kValueMax || *start < -kValueMax) {
    return fail(ErrorCode::InvalidArgument, "a chain begins with a whole number, as in \"5 +3 *10\"");
  }
  chain.start = *start;
  while (!trim(text).empty()) {
    SUFFICE_TRY(const Operation operation, read_operation(take_word(text)));
    chain.operations.push_back(operation);
  }
  return chain;
}

Result<std::int64_t> apply(std::int64_t value, const Operation& operation) {
  std::int64_t next = 0;
  switch (operation.sign) {
    case '+':
      next = value + operation.by;
      break;
    case '-':
      next = value - operation.by;
      break;
    case '*':
      next = value * operation.by;
      break;
    default:
      if (operation.by == 0 || value % operation.by != 0) {
        return fail(ErrorCode::InvalidArgument, "the division has no whole result");
      }
      next = value / operation.by;
  }
  if (next > kValueMax || next < -kValueMax) return fail(ErrorCode::InvalidArgument, "the value is beyond 10^15");
  return next;
}

Result<std::vector<std::int64_t>> truth_of(const Chain& chain) {
  std::vector<std::int64_t> values;
  std::int64_t value = chain.start;
  for (const Operation& operation : chain.operations) {
    SUFFICE_TRY(value, apply(value, operation));
    values.push_back(value);
  }
  return values;
}

Chain random_chain(std::size_t length, Random& random) {
  Chain chain{.start = static_cast<std::int64_t>(random.below(100)), .operations = {}};
  std::int64_t value = chain.start;
  for (std::size_t i = 0; i < length; ++i) {
    chain.operations.push_back(random_operation(value, random));
    value = *apply(value, chain.operations.back());
  }
  return chain;
}

Result<Plan> plan_of(const Chain& chain, const PlanLimits& limits) {
  std::vector<PlanEntry> entries;
  for (const Operation& operation : chain.operations)
    entries.push_back({.instruction = text_of(operation), .times = 1});
  return Plan::create(std::to_string(chain.start), std::move(entries), limits);
}

Oracle arithmetic_oracle() {
  return [](const StepQuestion& question, KnownAnswers& answers) -> Result<void> {
    const std::optional<std::int64_t> value = read_integer(question.state);
    if (!value) return fail(ErrorCode::InvalidArgument, "the state is no whole number");
    SUFFICE_TRY(const Operation operation, read_operation(question.instruction));
    // A state that an earlier error has spoiled may have no right answer: then the simulation rounds, as a real worker would.
    const Result<std::int64_t> next = apply(*value, operation);
    const std::int64_t right = next ? *next : (operation.by == 0 ? 0 : *value / operation.by);
    answers.right = std::to_string(right);
    answers.wrong = std::to_string(right + 1);
    return {};
  };
}

}  // namespace suffice::workflow::maker
