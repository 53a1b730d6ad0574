#include "gate/json_pattern.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace suffice::gate {
namespace {

// Unicode's long names of general categories; RE2 knows the short ones.
constexpr std::array<std::pair<std::string_view, std::string_view>, 22> kCategories = {{
    {"Letter", "L"},
    {"Lowercase_Letter", "Ll"},
    {"Uppercase_Letter", "Lu"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Modifier_Symbol", "Sk"},
    {"Other_Symbol", "So"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Other", "C"},
}};

constexpr std::string_view kSpaceClass = R"(\s\x0b\x{feff}\pZ)";
constexpr std::string_view kSyntaxEscapes = "^$\\.*+?()[]{}|/-";

std::optional<std::uint32_t> hex(std::string_view digits) {
  std::uint32_t value = 0;
  if (digits.empty() || digits.size() > 6) return std::nullopt;
  for (const char c : digits) {
    const auto digit = std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
    const bool is_digit = c >= '0' && c <= '9';
    if (digit == std::string_view::npos || (!is_digit && digit < 10)) return std::nullopt;
    value = value * 16 + static_cast<std::uint32_t>(digit);
  }
  return value;
}

class Translator {
 public:
  explicit Translator(std::string_view ecma) : rest_(ecma) {}

  Result<std::string> run() {
    while (!rest_.empty()) {
      const bool fine = rest_.front() == '\\' ? escape() : in_class_ ? class_character() : character();
      if (!fine) return fail(ErrorCode::InvalidArgument, problem_);
    }
    return std::move(out_);
  }

 private:
  bool refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  void copy(std::size_t count) {
    out_.append(rest_.substr(0, count));
    rest_.remove_prefix(count);
  }

  bool put(std::string_view expression, std::size_t taken) {
    out_.append(expression);
    rest_.remove_prefix(taken);
    return true;
  }

  bool character() {
    if (rest_.starts_with("(?<") && !rest_.starts_with("(?<=") && !rest_.starts_with("(?<!")) return put("(?P<", 3);
    if (rest_.starts_with("(?") && !rest_.starts_with("(?:"))
      return refuse("look-around and inline flags are not supported");
    if (rest_.starts_with("[^]")) return put(R"([\x00-\x{10FFFF}])", 3);
    if (rest_.starts_with("[]")) return refuse("an empty class matches nothing");
    if (rest_.front() == '[') {
      in_class_ = true;
      copy(rest_.starts_with("[^") ? 2 : 1);
      return true;
    }
    if (rest_.front() == '.') return put(R"([^\n\r\x{2028}\x{2029}])", 1);
    copy(1);
    return true;
  }

  bool class_character() {
    if (rest_.front() == '[') return put("\\[", 1);  // RE2 would read [: as a POSIX class
    if (rest_.front() == ']') in_class_ = false;
    copy(1);
    return true;
  }

  bool escape() {
    if (rest_.size() < 2) return refuse("a lone backslash at the end");
    const char c = rest_[1];
    switch (c) {
      case 's':
        return put(in_class_ ? std::string(kSpaceClass) : fmt::format("[{}]", kSpaceClass), 2);
      case 'S':
        return put(in_class_ ? R"(\S)" : fmt::format("[^{}]", kSpaceClass), 2);
      case 'b':
        return put(in_class_ ? R"(\x08)" : R"(\b)", 2);
      case '0':
        return put(R"(\x00)", 2);
      case 'B':
      case 'd':
      case 'D':
      case 'w':
      case 'W':
      case 't':
      case 'n':
      case 'r':
      case 'f':
      case 'v':
        copy(2);
        return true;
      case 'c':
        return control();
      case 'x':
        return code_point(2, 2);
      case 'u':
        return rest_.starts_with("\\u{") ? braced() : code_point(2, 4);
      case 'p':
      case 'P':
        return category();
      default:
        break;
    }
    if (c >= '1' && c <= '9') return refuse("back-references are not supported");
    if (c == 'k') return refuse("back-references are not supported");
    if (kSyntaxEscapes.find(c) == std::string_view::npos) return refuse("an escape that ECMA-262 does not know");
    copy(2);
    return true;
  }

  bool control() {
    const char letter = rest_.size() > 2 ? static_cast<char>(rest_[2] & 0x5f) : '\0';
    if (letter < 'A' || letter > 'Z') return refuse("\\c needs a letter");
    return put(fmt::format("\\x{{{:x}}}", letter - 'A' + 1), 3);
  }

  bool braced() {
    const std::size_t end = rest_.find('}');
    const auto value = end == std::string_view::npos ? std::nullopt : hex(rest_.substr(3, end - 3));
    if (!value || *value > 0x10ffff) return refuse("\\u{...} needs a code point");
    return put(fmt::format("\\x{{{:x}}}", *value), end + 1);
  }

  bool code_point(std::size_t prefix, std::size_t digits) {
    const auto value = rest_.size() < prefix + digits ? std::nullopt : hex(rest_.substr(prefix, digits));
    if (!value) return refuse("an escape without its hexadecimal digits");
    if (*value < 0xd800 || *value > 0xdfff) return put(fmt::format("\\x{{{:x}}}", *value), prefix + digits);
    const std::string_view second = rest_.substr(6);
    const auto low = second.starts_with("\\u") && second.size() >= 6 ? hex(second.substr(2, 4)) : std::nullopt;
    if (*value > 0xdbff || !low || *low < 0xdc00 || *low > 0xdfff) return refuse("half of a surrogate pair");
    return put(fmt::format("\\x{{{:x}}}", 0x10000 + ((*value - 0xd800) << 10) + (*low - 0xdc00)), 12);
  }

  bool category() {
    if (rest_.size() < 3 || rest_[2] != '{') return refuse("\\p needs a category in braces");
    const std::size_t end = rest_.find('}');
    if (end == std::string_view::npos) return refuse("\\p needs a category in braces");
    std::string_view name = rest_.substr(3, end - 3);
    for (const std::string_view prefix : {"Script=", "sc=", "General_Category=", "gc="}) {
      if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    }
    const auto* known = std::ranges::find(kCategories, name, &std::pair<std::string_view, std::string_view>::first);
    return put(fmt::format("\\{}{{{}}}", rest_[1], known == kCategories.end() ? name : known->second), end + 1);
  }

  std::string_view rest_;
  std::string out_;
  std::string problem_;
  bool in_class_ = false;
};

}  // namespace

Result<std::string> re2_expression(std::string_view ecma) { return Translator(ecma).run(); }

}  // namespace suffice::gate
