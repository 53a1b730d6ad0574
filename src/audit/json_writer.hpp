#pragma once
// Writes JSON text in one pass. The caller gives keys in byte order; that makes the text canonical.

#include <cstdint>
#include <string>
#include <string_view>

namespace suffice::audit {

/// Appends to one string. Commas are its business, nesting is the caller's.
class JsonWriter {
 public:
  void open_object() { open('{'); }
  void close_object() { close('}'); }
  void open_array() { open('['); }
  void close_array() { close(']'); }
  /// A key; the next call writes its value. Keys are plain ASCII.
  void key(std::string_view name);
  /// `value` in well-formed UTF-8 (malformed bytes become U+FFFD), escaped as RFC 8785, 3.2.2.2 does: nothing more than must be.
  void string(std::string_view value);
  void integer(std::int64_t value);
  void boolean(bool value);
  /// The shortest text that reads back as `value`, in the form of ECMAScript (RFC 8785, 3.2.2.3); null when it is not finite.
  void number(double value);

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void open(char bracket);
  void close(char bracket);
  void separate();

  std::string text_;
  bool first_ = true;  ///< nothing stands yet in the innermost object or array, or a key was just written
};

}  // namespace suffice::audit
