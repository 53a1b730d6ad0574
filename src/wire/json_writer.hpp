#pragma once
// Writing JSON by appending to one string: no tree, no second copy.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/chat.hpp"
#include "core/units.hpp"

namespace suffice::wire {

/// Appends `text` as a JSON string with its quotes (RFC 8785 escapes: the two-letter ones, else \u00xx below space).
/// Every byte that is not part of well-formed UTF-8 becomes U+FFFD, so that the output is always valid JSON.
void append_json_string(std::string& out, std::string_view text);

/// Appends the shortest decimal that reads back as `value`, laid out as ECMAScript does (RFC 8785, 3.2.2.3); "null" for NaN and infinities.
void append_json_number(std::string& out, double value);

/// Appends dollars exactly: "0.00000015" for 150 nanodollars.
void append_json_usd(std::string& out, Usd value);

/// Puts the commas. Keys are names of ours and are written unescaped. The caller closes what it opens; nothing is checked.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name) {
    separate();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    comma_ = false;
    return *this;
  }

  JsonWriter& string(std::string_view text) {
    separate();
    append_json_string(out_, text);
    return *this;
  }
  JsonWriter& number(double value) {
    separate();
    append_json_number(out_, value);
    return *this;
  }
  JsonWriter& integer(std::int64_t value) {
    separate();
    out_ += std::to_string(value);
    return *this;
  }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  /// `json` must be one complete JSON value.
  JsonWriter& raw(std::string_view json) {
    separate();
    out_ += json;
    return *this;
  }
  /// The members of `object_json` (an object's text, possibly empty text) as members of the object that is open.
  JsonWriter& members_of(std::string_view object_json);

  JsonWriter& field(std::string_view name, std::string_view text) { return key(name).string(text); }
  JsonWriter& field(std::string_view name, const char* text) { return key(name).string(text); }
  JsonWriter& field(std::string_view name, const std::string& text) { return key(name).string(text); }
  template <std::integral T>
  JsonWriter& field(std::string_view name, T value) {
    if constexpr (std::same_as<T, bool>) {
      return key(name).boolean(value);
    } else {
      return key(name).integer(static_cast<std::int64_t>(value));
    }
  }
  JsonWriter& field(std::string_view name, double value) { return key(name).number(value); }
  JsonWriter& field(std::string_view name, const JsonText& json) { return key(name).raw(json.text); }
  JsonWriter& null_field(std::string_view name) { return key(name).null(); }

 private:
  void separate() {
    if (comma_) out_ += ',';
    comma_ = true;
  }
  JsonWriter& open(char bracket) {
    separate();
    out_ += bracket;
    comma_ = false;
    return *this;
  }
  JsonWriter& close(char bracket) {
    out_ += bracket;
    comma_ = true;
    return *this;
  }

  std::string& out_;
  bool comma_ = false;
};

}  // namespace suffice::wire
