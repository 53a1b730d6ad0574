#include "engine/regex_grammar.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

#include "core/text.hpp"

namespace suffice::engine {
namespace {

constexpr int kDepthMax = 64;
constexpr std::uint32_t kRepeatMax = 1'000;

/// A part of the grammar and how many elements it expands to.
struct Part {
  std::string gbnf;
  std::size_t elements = 0;
};

std::string hexadecimal_digits(char32_t value, std::size_t count) {
  std::string out(count, '0');
  for (; count > 0; value >>= 4) out[--count] = "0123456789ABCDEF"[value & 0xfU];
  return out;
}

/// A character as GBNF writes it, within quotes and within brackets alike.
std::string spelled(char32_t c) {
  const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' || c == '_';
  if (plain) return std::string(1, static_cast<char>(c));
  if (c < 0x80) return "\\x" + hexadecimal_digits(c, 2);
  if (c < 0x10000) return "\\u" + hexadecimal_digits(c, 4);
  return "\\U" + hexadecimal_digits(c, 8);
}

constexpr std::string_view kDigits = "0-9";
constexpr std::string_view kWord = "A-Za-z0-9_";
constexpr std::string_view kSpace = " \\x09\\x0A\\x0B\\x0C\\x0D";

/// The inside of the class that \d, \w or \s means.
std::optional<std::string_view> named_class(char letter) {
  switch (letter) {
    case 'd':
    case 'D':
      return kDigits;
    case 'w':
    case 'W':
      return kWord;
    case 's':
    case 'S':
      return kSpace;
    default:
      return std::nullopt;
  }
}

class Translator {
 public:
  explicit Translator(std::string_view text) : text_(text) {}

  Result<std::string> run() {
    if (peek() == '^') ++at_;
    SUFFICE_TRY(const Part all, alternatives(0));
    if (at_ < text_.size()) return wrong("\")\" without its \"(\"");
    return "root ::= " + all.gbnf + "\n";
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  bool skip(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  [[nodiscard]] std::unexpected<Error> wrong(const std::string& what) const {
    return fail(ErrorCode::InvalidArgument, "the regular expression has " + what, "regex/" + std::to_string(at_));
  }
  [[nodiscard]] std::unexpected<Error> unsupported(const std::string& what) const {
    return fail(ErrorCode::UnsupportedField, "the embedded model cannot follow " + what + " in a regular expression",
                "regex/" + std::to_string(at_));
  }

  Result<Part> alternatives(int depth) {
    if (depth > kDepthMax) return wrong("more than 64 groups within each other");
    SUFFICE_TRY(Part out, sequence(depth));
    while (peek() == '|') {
      ++at_;
      SUFFICE_TRY(const Part next, sequence(depth));
      out.gbnf += " | " + next.gbnf;
      out.elements += next.elements + 1;
    }
    return out;
  }

  Result<Part> sequence(int depth) {
    Part out;
    while (!at_end() && peek() != '|' && peek() != ')') {
      if (peek() == '$') {
        if (at_ + 1 != text_.size() || depth != 0) return unsupported("\"$\" before the end");
        ++at_;
        break;
      }
      SUFFICE_TRY(Part one, atom(depth));
      SUFFICE_TRY_VOID(repeat(one));
      if (!out.gbnf.empty()) out.gbnf += ' ';
      out.gbnf += one.gbnf;
      out.elements += one.elements;
      if (out.elements > kRegexElementsMax) return too_large();
    }
    if (out.gbnf.empty()) out.gbnf = "\"\"";
    return out;
  }

  [[nodiscard]] std::unexpected<Error> too_large() const {
    return wrong("more than " + std::to_string(kRegexElementsMax) + " elements when its repetitions are written out");
  }

  Result<Part> atom(int depth) {
    switch (peek()) {
      case '(':
        return group(depth);
      case '[':
        return bracket();
      case '.':
        ++at_;
        return Part{"[^\\x0A]", 1};
      case '\\':
        return escape();
      case '^':
        return unsupported("\"^\" after the start");
      case '*':
      case '+':
      case '?':
      case '{':
        return wrong("a repetition of nothing");
      default:
        break;
    }
    SUFFICE_TRY(const char32_t c, character());
    return Part{"\"" + spelled(c) + "\"", 1};
  }

  Result<Part> group(int depth) {
    ++at_;
    if (peek() == '?') {
      if (text_.substr(at_).starts_with("?=") || text_.substr(at_).starts_with("?!")) return unsupported("look-ahead");
      if (text_.substr(at_).starts_with("?<=") || text_.substr(at_).starts_with("?<!"))
        return unsupported("look-behind");
      if (!skip("?:")) {
        if (!skip("?P<") && !skip("?<")) return unsupported("flags or special groups");
        const std::size_t end = text_.find('>', at_);
        if (end == std::string_view::npos) return wrong("a group's name without its end");
        at_ = end + 1;
      }
    }
    SUFFICE_TRY(const Part inside, alternatives(depth + 1));
    if (peek() != ')') return wrong("\"(\" without its \")\"");
    ++at_;
    return Part{"(" + inside.gbnf + ")", inside.elements + 1};
  }

  Result<Part> escape() {
    const char letter = peek(1);
    if (const auto inside = named_class(letter)) {
      at_ += 2;
      const bool negated = letter == 'D' || letter == 'W' || letter == 'S';
      return Part{std::string(negated ? "[^" : "[") + std::string(*inside) + "]", 1};
    }
    SUFFICE_TRY(const char32_t c, escaped_character());
    return Part{"\"" + spelled(c) + "\"", 1};
  }

  /// One character of the text, which is not an escape.
  Result<char32_t> character() {
    const std::string_view one = first_code_points(text_.substr(at_), 1);
    const auto first = static_cast<unsigned char>(one.front());
    char32_t c = first;
    if (one.size() > 1) c = first & (0xffU >> (one.size() + 1));
    for (std::size_t i = 1; i < one.size(); ++i) c = (c << 6) | (static_cast<unsigned char>(one[i]) & 0x3fU);
    at_ += one.size();
    return c;
  }

  Result<char32_t> escaped_character() {
    ++at_;
    if (at_end()) return wrong("\"\\\" at its end");
    const char letter = peek();
    constexpr std::pair<char, char> kControls[] = {{'t', '\t'}, {'n', '\n'}, {'r', '\r'},
                                                   {'f', '\f'}, {'v', '\v'}, {'0', '\0'}};
    for (const auto& [name, value] : kControls) {
      if (letter != name) continue;
      if (value == '\0') return unsupported("the character 0");
      ++at_;
      return static_cast<char32_t>(value);
    }
    if (letter == 'x' || letter == 'u') return hexadecimal(letter == 'x' ? 2 : 4);
    if (letter == 'b' || letter == 'B') return unsupported("word boundaries");
    if (letter == 'k' || (letter >= '1' && letter <= '9')) return unsupported("back-references");
    if (letter == 'p' || letter == 'P') return unsupported("Unicode properties");
    const bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (is_letter) return unsupported(std::string("\"\\") + letter + "\"");
    return character();
  }

  Result<char32_t> hexadecimal(std::size_t digits) {
    const std::string_view number = text_.substr(at_ + 1, digits);
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value, 16);
    if (error != std::errc() || number.size() != digits || end != number.data() + digits || value == 0) {
      return wrong("an escape without its hexadecimal digits");
    }
    if (value >= 0xD800 && value <= 0xDFFF) return wrong("half of a surrogate pair");
    at_ += 1 + digits;
    return static_cast<char32_t>(value);
  }

  Result<Part> bracket() {
    ++at_;
    std::string inside = peek() == '^' ? "[^" : "[";
    if (peek() == '^') ++at_;
    const std::size_t empty = inside.size();
    while (!at_end() && (peek() != ']' || inside.size() == empty)) {
      if (text_.substr(at_).starts_with("[:")) return unsupported("POSIX classes");
      if (peek() == '\\' && named_class(peek(1))) {
        if (peek(1) < 'a') return unsupported("a negated class within a class");
        inside += *named_class(peek(1));
        at_ += 2;
        continue;
      }
      SUFFICE_TRY_VOID(range(inside));
    }
    if (at_end()) return wrong("\"[\" without its \"]\"");
    ++at_;
    return Part{inside + "]", 1};
  }

  /// One character or a-z of a class.
  Result<void> range(std::string& inside) {
    SUFFICE_TRY(const char32_t first, class_character());
    inside += spelled(first);
    if (peek() != '-' || peek(1) == ']' || at_ + 1 >= text_.size()) return {};
    ++at_;
    if (peek() == '\\' && named_class(peek(1))) return wrong("a range to a class");
    SUFFICE_TRY(const char32_t last, class_character());
    if (last < first) return wrong("a range that ends before it starts");
    inside += '-' + spelled(last);
    return {};
  }
  Result<char32_t> class_character() { return peek() == '\\' ? escaped_character() : character(); }

  Result<void> repeat(Part& part) {
    std::uint32_t times = 1;
    switch (peek()) {
      case '*':
      case '+':
      case '?':
        part.gbnf += text_[at_++];
        break;
      case '{': {
        SUFFICE_TRY(times, counted(part));
        break;
      }
      default:
        return {};
    }
    part.elements = (part.elements + 1) * std::max<std::uint32_t>(times, 1);
    if (part.elements > kRegexElementsMax) return too_large();
    if (peek() == '?') ++at_;  // lazy: the same texts
    if (peek() == '+') return unsupported("possessive repetition");
    if (peek() == '*' || peek() == '{') return wrong("a repetition of a repetition");
    return {};
  }

  /// {n}, {n,} or {n,m}; how often the part is written out at most.
  Result<std::uint32_t> counted(Part& part) {
    ++at_;
    SUFFICE_TRY(const std::uint32_t least, number());
    std::uint32_t most = least;
    bool open = false;
    if (peek() == ',') {
      ++at_;
      open = peek() == '}';
      if (!open) {
        SUFFICE_TRY(most, number());
      }
    }
    if (peek() != '}') return wrong("\"{\" without its \"}\"");
    if (most < least) return wrong("a repetition whose most is below its least");
    ++at_;
    part.gbnf += '{' + std::to_string(least) + ',' + (open ? "" : std::to_string(most)) + '}';
    return open ? least + 1 : most;
  }

  Result<std::uint32_t> number() {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc() || value > kRepeatMax) return wrong("a repetition that is no number up to 1000");
    at_ = static_cast<std::size_t>(end - text_.data());
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::string> grammar_from_regex(std::string_view expression) {
  if (expression.empty()) return fail(ErrorCode::InvalidArgument, "the regular expression is empty", "regex");
  if (expression.size() > kRegexBytesMax) {
    return fail(ErrorCode::InvalidArgument, "the regular expression has more than 4096 bytes", "regex");
  }
  if (first_invalid_utf8(expression))
    return fail(ErrorCode::InvalidArgument, "the regular expression is not UTF-8", "regex");
  return Translator(expression).run();
}

}  // namespace suffice::engine
