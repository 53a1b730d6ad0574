#pragma once
// HTTP messages as values. No Beast type leaves net/.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace suffice::net {

/// Header fields in arrival order; names compare without case (RFC 9110, 5.1).
class Headers {
 public:
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// Replaces every field of that name.
  void set(std::string_view name, std::string value);
  /// First value of that name, or an empty view.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);
/// Whether `text` may be a method or a field name (RFC 9110, 5.6.2).
[[nodiscard]] bool is_token(std::string_view text);
/// Whether `text` may be a field value: no control characters but the tab (RFC 9110, 5.5).
[[nodiscard]] bool is_field_value(std::string_view text);
/// The words after the status code; for people only (RFC 9112, 4).
[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace suffice::net
