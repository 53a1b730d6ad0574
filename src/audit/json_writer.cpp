#include "audit/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "core/text.hpp"

namespace suffice::audit {
namespace {

void append_escaped(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
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
  out += "\\u00";
  out += kHex[static_cast<unsigned char>(c) >> 4];
  out += kHex[static_cast<unsigned char>(c) & 0x0fU];
}

constexpr bool needs_escape(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

void append_text(std::string& out, std::string_view utf8) {
  std::size_t plain = 0;
  for (std::size_t at = 0; at < utf8.size(); ++at) {
    if (!needs_escape(utf8[at])) continue;
    out.append(utf8.substr(plain, at - plain));
    append_escaped(out, utf8[at]);
    plain = at + 1;
  }
  out.append(utf8.substr(plain));
}

/// Digits and decimal exponent of ECMAScript's Number::toString: value = 0.DIGITS * 10^point.
void append_ecmascript(std::string& out, double value) {
  std::array<char, 32> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
  std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  if (text.front() == '-') {
    out += '-';
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  int exponent = 0;
  const char* first = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(first, text.data() + text.size(), exponent);
  std::string digits(1, text.front());
  if (e > 2) digits += text.substr(2, e - 2);
  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;
  if (point >= count && point <= 21) {
    out.append(digits).append(static_cast<std::size_t>(point - count), '0');
  } else if (point > 0 && point <= 21) {
    out.append(digits, 0, static_cast<std::size_t>(point)).append(".").append(digits, static_cast<std::size_t>(point));
  } else if (point > -6 && point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else {
    out += digits[0];
    if (count > 1) out.append(".").append(digits, 1);
    out.append(exponent < 0 ? "e-" : "e+").append(std::to_string(std::abs(exponent)));
  }
}

}  // namespace

void JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  first_ = true;
}

void JsonWriter::close(char bracket) {
  text_ += bracket;
  first_ = false;
}

void JsonWriter::separate() {
  if (!first_) text_ += ',';
  first_ = false;
}

void JsonWriter::key(std::string_view name) {
  separate();
  text_.append("\"").append(name).append("\":");
  first_ = true;
}

void JsonWriter::string(std::string_view value) {
  separate();
  text_ += '"';
  while (const auto bad = first_invalid_utf8(value)) {
    append_text(text_, value.substr(0, *bad));
    text_ += "\xef\xbf\xbd";
    value.remove_prefix(*bad + 1);
  }
  append_text(text_, value);
  text_ += '"';
}

void JsonWriter::integer(std::int64_t value) {
  separate();
  std::array<char, 24> buffer{};
  text_.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr);
}

void JsonWriter::boolean(bool value) {
  separate();
  text_ += value ? "true" : "false";
}

void JsonWriter::number(double value) {
  separate();
  if (!std::isfinite(value)) {
    text_ += "null";
  } else if (value == 0) {
    text_ += '0';
  } else {
    append_ecmascript(text_, value);
  }
}

}  // namespace suffice::audit
