#include "prompts/long_input.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/text.hpp"
#include "prompts/log_reducer.hpp"

namespace suffice::prompts {

namespace {

ShortenedInput one_end(const Prompt& prompt, std::string_view text, std::int64_t chars, std::int64_t chars_max,
                       std::string_view why) {
  const bool end = prompt.long_input == LongInput::End;
  const auto count = static_cast<std::size_t>(chars_max);
  return {.text = std::string(end ? last_code_points(text, count) : first_code_points(text, count)),
          .cut = {{.what = fmt::format("{} {} of {} characters of the input", end ? "the first" : "the last",
                                       chars - chars_max, chars),
                   .why = std::string(why)}}};
}

ShortenedInput reduced_log(std::string_view text, std::int64_t chars_max, std::string_view why) {
  LogReduction reduction = reduce_build_log(text, static_cast<std::size_t>(chars_max));
  return {.text = std::move(reduction.text), .cut = {{.what = reduction.dropped(), .why = std::string(why)}}};
}

}  // namespace

ShortenedInput shorten(const Prompt& prompt, std::string_view text, std::int64_t chars_max, std::string_view why) {
  const auto chars = static_cast<std::int64_t>(count_code_points(text));
  if (chars <= chars_max || prompt.long_input == LongInput::Refuse) return {.text = std::string(text), .cut = {}};
  if (prompt.long_input == LongInput::BuildLog) return reduced_log(text, chars_max, why);
  return one_end(prompt, text, chars, chars_max, why);
}

ShortenedInput shorten_to_tokens(const Prompt& prompt, std::string_view text, std::int64_t tokens_max,
                                 const TokenCounter& count, std::string_view why) {
  constexpr int rounds_max = 12;
  ShortenedInput kept{.text = std::string(text), .cut = {}};
  auto chars = static_cast<std::int64_t>(count_code_points(text));
  // Each round aims a little below what the last one's characters a token promise.
  for (int round = 0; round < rounds_max; ++round) {
    const std::int64_t tokens = count(kept.text);
    if (tokens <= tokens_max) return kept;
    const auto now = static_cast<std::int64_t>(count_code_points(kept.text));
    chars = std::min(chars - 1, now * tokens_max / tokens * 97 / 100);
    if (chars <= 0) break;
    kept = shorten(prompt, text, chars, why);
  }
  if (count(kept.text) > tokens_max) kept.text.clear();
  return kept;
}

}  // namespace suffice::prompts
