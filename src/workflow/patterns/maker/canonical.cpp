#include "workflow/patterns/maker/canonical.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

#include "core/text.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

namespace suffice::workflow::maker {
namespace {

constexpr std::array<std::pair<CanonicalForm, std::string_view>, 5> kForms{{
    {CanonicalForm::Exact, "exact"},
    {CanonicalForm::Trimmed, "trimmed"},
    {CanonicalForm::Number, "number"},
    {CanonicalForm::Json, "json"},
    {CanonicalForm::Label, "label"},
}};

/// More digits than any honest answer has, and values that a double can hold: readers of JSON refuse larger ones.
constexpr std::size_t kDigitsMax = 1'000;
constexpr int kExponentMax = 9'999;
constexpr int kPowerMax = 308;
/// Numbers of up to so many digits are written out, as ECMAScript does.
constexpr int kPlainDigitsMax = 21;

/// digits * 10^exponent, without a zero at either end of `digits`; no digits is zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;
};

std::string_view take_digits(std::string_view& text) {
  const auto* end = std::ranges::find_if_not(text, [](char c) { return c >= '0' && c <= '9'; });
  const std::string_view digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

std::optional<int> take_exponent(std::string_view& text) {
  if (text.empty() || (text.front() != 'e' && text.front() != 'E')) return 0;
  text.remove_prefix(1);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::string_view digits = take_digits(text);
  int exponent = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  if (digits.empty() || error != std::errc{} || exponent > kExponentMax) return std::nullopt;
  return negative ? -exponent : exponent;
}

std::optional<Decimal> read_decimal(std::string_view text) {
  Decimal number;
  number.negative = text.starts_with('-');
  if (number.negative || text.starts_with('+')) text.remove_prefix(1);
  number.digits = take_digits(text);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::string_view fraction = take_digits(text);
    number.digits += fraction;
    number.exponent = -static_cast<int>(std::min(fraction.size(), kDigitsMax + 1));
  }
  if (number.digits.empty() || number.digits.size() > kDigitsMax) return std::nullopt;
  const std::optional<int> exponent = take_exponent(text);
  if (!exponent || !text.empty()) return std::nullopt;
  number.exponent += *exponent;
  number.digits.erase(0, number.digits.find_first_not_of('0'));  // npos: all of them
  while (number.digits.ends_with('0')) {
    number.digits.pop_back();
    ++number.exponent;
  }
  return number;
}

std::string write_decimal(const Decimal& number) {
  if (number.digits.empty()) return "0";
  std::string text = number.negative ? "-" : "";
  const int digits = static_cast<int>(number.digits.size());
  const int point = digits + number.exponent;  // digits before the point
  if (number.exponent >= 0 && point <= kPlainDigitsMax) {
    return text.append(number.digits).append(static_cast<std::size_t>(number.exponent), '0');
  }
  if (number.exponent < 0 && point > 0) {
    const auto whole = static_cast<std::size_t>(point);
    return text.append(number.digits, 0, whole).append(".").append(number.digits, whole);
  }
  if (number.exponent < 0 && point > -kPlainDigitsMax) {
    return text.append("0.").append(static_cast<std::size_t>(-point), '0').append(number.digits);
  }
  return text.append(number.digits).append("e").append(std::to_string(number.exponent));
}

Result<std::string> canonical_number(std::string_view text) {
  const std::optional<Decimal> number = read_decimal(trim(text));
  if (!number) return fail(ErrorCode::InvalidArgument, "the answer is not a number");
  if (static_cast<int>(number->digits.size()) + number->exponent > kPowerMax) {
    return fail(ErrorCode::InvalidArgument, "the answer is a number beyond 1e308");
  }
  return write_decimal(*number);
}

Result<std::string> canonical_label(std::string_view text) {
  const std::string_view label = trim(text);
  if (label.empty()) return fail(ErrorCode::InvalidArgument, "the answer is not a label but empty");
  return fold_case(label);
}

}  // namespace

std::string_view name(CanonicalForm form) noexcept {
  const auto* row = std::ranges::find(kForms, form, &std::pair<CanonicalForm, std::string_view>::first);
  return row == kForms.end() ? "unknown" : row->second;
}

std::optional<CanonicalForm> canonical_form_from_name(std::string_view name) noexcept {
  const auto* row = std::ranges::find(kForms, name, &std::pair<CanonicalForm, std::string_view>::second);
  if (row == kForms.end()) return std::nullopt;
  return row->first;
}

Result<std::string> canonical(CanonicalForm form, std::string_view text) {
  switch (form) {
    case CanonicalForm::Exact:
      return std::string(text);
    case CanonicalForm::Trimmed:
      return std::string(trim(text));
    case CanonicalForm::Number:
      return canonical_number(text);
    case CanonicalForm::Label:
      return canonical_label(text);
    case CanonicalForm::Json:
      break;
  }
  SUFFICE_TRY(const boost::json::value value, wire::parse_json(text));
  return wire::canonical_json(value);
}

Result<std::string> canonical(CanonicalForm form, const boost::json::value& value) {
  if (form == CanonicalForm::Json) return wire::canonical_json(value);
  if (const auto* text = value.if_string()) return canonical(form, std::string_view(*text));
  if (form == CanonicalForm::Label) return fail(ErrorCode::InvalidArgument, "the answer is not a label");
  if (form != CanonicalForm::Number) return wire::canonical_json(value);
  if (!value.is_number()) return fail(ErrorCode::InvalidArgument, "the answer is not a number");
  return canonical_number(wire::canonical_json(value));
}

}  // namespace suffice::workflow::maker
