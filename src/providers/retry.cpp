#include "providers/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "core/text.hpp"

namespace suffice::providers {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRetryAfterMax = std::chrono::hours(24);

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find_first_of(" ,-", at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::optional<unsigned> to_number(std::string_view text) {
  unsigned number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<unsigned> month_number(std::string_view name) {
  constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto found = std::ranges::find(months, name);
  if (found == months.end()) return std::nullopt;
  return static_cast<unsigned>(found - months.begin()) + 1;
}

std::optional<std::chrono::seconds> parse_time_of_day(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const auto hours = to_number(text.substr(0, 2));
  const auto minutes = to_number(text.substr(3, 2));
  const auto seconds = to_number(text.substr(6, 2));
  if (!hours || !minutes || !seconds || *hours > 23 || *minutes > 59 || *seconds > 60) return std::nullopt;
  return std::chrono::hours(*hours) + std::chrono::minutes(*minutes) + std::chrono::seconds(*seconds);
}

}  // namespace

bool is_retryable(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::RateLimited:
    case ErrorCode::UpstreamFailed:
    case ErrorCode::ConnectFailed:
    case ErrorCode::ConnectTimeout:
    case ErrorCode::ConnectionClosed:
      return true;
    default:
      return false;
  }
}

std::optional<WallTime> parse_http_date(std::string_view value) {
  // "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"
  const std::vector<std::string_view> words = split_words(trim(value));
  std::optional<unsigned> day;
  std::optional<unsigned> month;
  std::optional<unsigned> year;
  std::optional<std::chrono::seconds> time;
  if (words.size() == 6 && words[5] == "GMT") {
    day = to_number(words[1]);
    month = month_number(words[2]);
    year = to_number(words[3]);
    time = parse_time_of_day(words[4]);
    if (year && words[3].size() == 2) *year += *year < 70 ? 2000 : 1900;
  } else if (words.size() == 5) {
    month = month_number(words[1]);
    day = to_number(words[2]);
    time = parse_time_of_day(words[3]);
    year = to_number(words[4]);
  }
  if (!day || !month || !year || !time || *year > 9999) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)), std::chrono::month(*month),
                                         std::chrono::day(*day));
  if (!date.ok()) return std::nullopt;
  return std::chrono::time_point_cast<WallTime::duration>(std::chrono::sys_days(date) + *time);
}

std::optional<milliseconds> parse_retry_after(std::string_view value, WallTime now) {
  const std::string_view text = trim(value);
  if (text.empty()) return std::nullopt;
  if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    const std::optional<unsigned> seconds = to_number(text);
    return seconds ? std::min<milliseconds>(kRetryAfterMax, std::chrono::seconds(*seconds)) : kRetryAfterMax;
  }
  const std::optional<WallTime> date = parse_http_date(text);
  if (!date) return std::nullopt;
  const auto wait = std::chrono::duration_cast<milliseconds>(*date - now);
  return std::clamp(wait, milliseconds{0}, kRetryAfterMax);
}

void RetryBudget::earn() {
  const std::scoped_lock lock(mutex_);
  tokens_ = std::min(tokens_max_, tokens_ + share_);
}

bool RetryBudget::spend() {
  const std::scoped_lock lock(mutex_);
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

milliseconds RetryFsm::backoff() {
  milliseconds ceiling = rules_.backoff_first;
  for (int i = 1; i < failures_ && ceiling < rules_.backoff_max; ++i) ceiling *= 2;
  ceiling = std::min(ceiling, rules_.backoff_max);
  if (ceiling.count() <= 0) return milliseconds{0};
  return milliseconds{static_cast<milliseconds::rep>(random_.below(static_cast<std::uint64_t>(ceiling.count())))};
}

std::optional<milliseconds> RetryFsm::after_failure(const Error& error, Delivered delivered, SteadyTime now) {
  ++failures_;
  if (!is_retryable(error.code) || delivered == Delivered::Something || failures_ >= rules_.attempts_max)
    return std::nullopt;
  const milliseconds wait = std::max(backoff(), milliseconds{std::max<std::int64_t>(0, error.retry_after_ms)});
  if (wait >= deadline_.remaining(now)) return std::nullopt;
  if (!budget_.spend()) return std::nullopt;
  return wait;
}

}  // namespace suffice::providers
