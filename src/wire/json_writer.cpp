#include "wire/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/text.hpp"

namespace suffice::wire {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

void append_escape(std::string& out, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += hex[byte >> 4U];
  out += hex[byte & 0xfU];
}

constexpr bool needs_escape(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

/// Every byte of a word set to `byte`.
constexpr std::uint64_t everywhere(unsigned char byte) { return 0x0101010101010101ULL * byte; }

/// The top bit of each byte that is 0; bits above the lowest of them may be wrong (Warren, Hacker's Delight, 6-1).
constexpr std::uint64_t zero_bytes(std::uint64_t word) { return (word - everywhere(1)) & ~word & everywhere(0x80); }

/// Index of the first byte at or after `at` that must be escaped, eight at a time; the size when there is none.
std::size_t next_escape(std::string_view text, std::size_t at) {
  for (std::uint64_t word = 0; at + sizeof(word) <= text.size(); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    const std::uint64_t control = (word - everywhere(0x20)) & ~word & everywhere(0x80);
    const std::uint64_t found = control | zero_bytes(word ^ everywhere('"')) | zero_bytes(word ^ everywhere('\\'));
    if (found != 0) break;
  }
  while (at < text.size() && !needs_escape(text[at])) ++at;
  return at;
}

/// `text` is well-formed UTF-8. Runs without escapes are copied whole.
void append_escaped(std::string& out, std::string_view text) {
  std::size_t from = 0;
  for (std::size_t at = next_escape(text, 0); at < text.size(); at = next_escape(text, from)) {
    out.append(text, from, at - from);
    append_escape(out, text[at]);
    from = at + 1;
  }
  out.append(text, from, text.size() - from);
}

/// Lays out `digits` (no point, no trailing zeros) times 10^(exponent - digits + 1) as ECMAScript's Number::toString.
void append_ecmascript(std::string& out, std::string_view digits, int exponent) {
  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // position of the decimal point in `digits`
  if (point > 21 || point <= -6) {
    out += digits[0];
    if (count > 1) {
      out += '.';
      out += digits.substr(1);
    }
    out += 'e';
    out += exponent < 0 ? '-' : '+';
    out += std::to_string(exponent < 0 ? -exponent : exponent);
  } else if (point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out += digits;
  } else if (point >= count) {
    out += digits;
    out.append(static_cast<std::size_t>(point - count), '0');
  } else {
    out += digits.substr(0, static_cast<std::size_t>(point));
    out += '.';
    out += digits.substr(static_cast<std::size_t>(point));
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (true) {
    const auto bad = first_invalid_utf8(text);
    append_escaped(out, text.substr(0, bad.value_or(text.size())));
    if (!bad) break;
    out += kReplacement;
    text.remove_prefix(*bad + 1);
  }
  out += '"';
}

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  if (value == 0) {  // -0 too
    out += '0';
    return;
  }
  std::array<char, 40> buffer{};
  const auto written =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value), std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data()));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::size_t sign = text[e + 1] == '+' ? 1 : 0;
  std::from_chars(text.data() + e + 1 + sign, text.data() + text.size(), exponent);
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  if (value < 0) out += '-';
  append_ecmascript(out, digits, exponent);
}

void append_json_usd(std::string& out, Usd value) {
  constexpr std::uint64_t nanos_per_dollar = 1'000'000'000;
  const bool negative = value.nanos < 0;
  const std::uint64_t nanos =
      negative ? ~static_cast<std::uint64_t>(value.nanos) + 1 : static_cast<std::uint64_t>(value.nanos);
  if (negative) out += '-';
  out += std::to_string(nanos / nanos_per_dollar);
  std::string fraction = std::to_string(nanos_per_dollar + nanos % nanos_per_dollar).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (!fraction.empty()) out += "." + fraction;
}

JsonWriter& JsonWriter::members_of(std::string_view object_json) {
  object_json = trim(object_json);
  if (object_json.size() < 2) return *this;
  const std::string_view members = trim(object_json.substr(1, object_json.size() - 2));
  if (members.empty()) return *this;
  return raw(members);
}

}  // namespace suffice::wire
