#include "policy/fields.hpp"

#include <charconv>
#include <system_error>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

namespace suffice::policy {

namespace json = boost::json;
using std::chrono::milliseconds;

namespace {

const json::object& object_or_empty(const json::value* value) {
  static const json::object kEmpty;
  return value != nullptr && value->is_object() ? value->get_object() : kEmpty;
}

}  // namespace

Fields::Fields(const json::value* value) : object_(object_or_empty(value)) {}

std::string Fields::text(std::string_view key, std::string_view otherwise) const {
  const json::value* found = find(key);
  return std::string(found != nullptr && found->is_string() ? std::string_view(found->get_string()) : otherwise);
}

std::int64_t Fields::integer(std::string_view key, std::int64_t otherwise) const {
  return integer(key).value_or(otherwise);
}

std::optional<std::int64_t> Fields::integer(std::string_view key) const {
  const json::value* found = find(key);
  return found != nullptr && found->is_int64() ? std::optional(found->get_int64()) : std::nullopt;
}

std::optional<double> Fields::number(std::string_view key) const {
  const json::value* found = find(key);
  return found != nullptr && found->is_number() ? std::optional(found->to_number<double>()) : std::nullopt;
}

bool Fields::flag(std::string_view key, bool otherwise) const {
  const json::value* found = find(key);
  if (found == nullptr) return otherwise;
  if (found->is_bool()) return found->get_bool();
  return found->is_string() ? found->get_string() == "yes" : otherwise;
}

milliseconds Fields::duration(std::string_view key, milliseconds otherwise) const {
  const std::string written = text(key);
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), count);
  if (error != std::errc()) return otherwise;
  const std::string_view unit(end, written.data() + written.size());
  if (unit == "ms") return milliseconds(count);
  if (unit == "s") return milliseconds(count * 1'000);
  if (unit == "h") return milliseconds(count * 3'600'000);
  if (unit == "d") return milliseconds(count * 86'400'000);
  return milliseconds(count * 60'000);
}

std::vector<std::string> Fields::texts(std::string_view key) const {
  std::vector<std::string> result;
  const json::value* found = find(key);
  if (found == nullptr || !found->is_array()) return result;
  for (const json::value& element : found->get_array()) {
    if (const json::string* text = element.if_string()) result.emplace_back(*text);
  }
  return result;
}

}  // namespace suffice::policy
