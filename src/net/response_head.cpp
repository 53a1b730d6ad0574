#include "net/response_head.hpp"

#include <array>
#include <ctime>
#include <string_view>

namespace suffice::net {
namespace {

/// The value of a Date field (RFC 9110, 5.6.7), formatted once a second and thread.
std::string_view date_now() {
  thread_local std::time_t formatted_for = -1;
  thread_local std::array<char, 32> text{};
  const std::time_t now = std::time(nullptr);
  if (now == formatted_for) return text.data();
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&now, &utc);
  // Names by hand: strftime would follow the locale.
  std::array<char, 32> pattern{};
  std::strftime(pattern.data(), pattern.size(), ", %d     %Y %H:%M:%S GMT", &utc);
  const std::string_view rest{pattern.data()};
  std::string date{kDays[static_cast<std::size_t>(utc.tm_wday)]};
  date += rest.substr(0, 5);
  date += kMonths[static_cast<std::size_t>(utc.tm_mon)];
  date += rest.substr(8);
  date.copy(text.data(), text.size() - 1);
  formatted_for = now;
  return text.data();
}

bool is_framing(std::string_view name) {
  return equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Transfer-Encoding") ||
         equal_ignoring_case(name, "Connection") || equal_ignoring_case(name, "Keep-Alive");
}

}  // namespace

void write_response_head(std::string& out, int status, const Headers& headers, const ResponseFraming& framing) {
  out.assign("HTTP/1.1 ").append(std::to_string(status)).append(" ").append(reason_phrase(status)).append("\r\n");
  if (!headers.contains("Date")) out.append("Date: ").append(date_now()).append("\r\n");
  for (const auto& [name, value] : headers.all()) {
    if (is_framing(name) || !is_token(name) || !is_field_value(value)) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  if (framing.content_length)
    out.append("Content-Length: ").append(std::to_string(*framing.content_length)).append("\r\n");
  if (framing.chunked) out.append("Transfer-Encoding: chunked\r\n");
  if (!framing.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (framing.version < 11) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
}

}  // namespace suffice::net
