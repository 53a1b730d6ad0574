#include "wire/json_fields.hpp"

#include <cmath>
#include <utility>

#include "wire/json_writer.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

std::string number_text(double value) {
  std::string text;
  append_json_number(text, value);
  return text;
}

}  // namespace

std::string JsonPath::text() const {
  if (parent_ == nullptr) return {};
  std::string text = parent_->text();
  if (name_.empty()) return text + "[" + std::to_string(index_) + "]";
  if (!text.empty()) text += '.';
  return text.append(name_);
}

std::unexpected<Error> malformed(const JsonPath& path, std::string message) {
  return fail(ErrorCode::MalformedRequest, std::move(message), path.text());
}

std::unexpected<Error> unsupported(const JsonPath& path, std::string message) {
  return fail(ErrorCode::UnsupportedField, std::move(message), path.text());
}

const bj::value* find_member(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<void> read_member(const bj::object& object, std::string_view name, const JsonPath& path, std::string& out) {
  const bj::value* value = find_member(object, name);
  if (value == nullptr) return {};
  if (!value->is_string()) return malformed(path.member(name), "expected a string");
  out.assign(value->get_string().data(), value->get_string().size());
  return {};
}

Result<void> read_member(const bj::object& object, std::string_view name, const JsonPath& path, bool& out) {
  std::optional<bool> read;
  SUFFICE_TRY_VOID(read_member(object, name, path, read));
  if (read) out = *read;
  return {};
}

Result<void> read_member(const bj::object& object, std::string_view name, const JsonPath& path,
                         std::optional<bool>& out) {
  const bj::value* value = find_member(object, name);
  if (value == nullptr) return {};
  if (!value->is_bool()) return malformed(path.member(name), "expected true or false");
  out = value->get_bool();
  return {};
}

Result<void> read_number(const bj::object& object, std::string_view name, const JsonPath& path, NumberRange range,
                         std::optional<double>& out) {
  const bj::value* value = find_member(object, name);
  if (value == nullptr) return {};
  const std::optional<double> number = to_double(*value);
  if (!number) return malformed(path.member(name), "expected a number");
  if (*number < range.low || *number > range.high) {
    return malformed(path.member(name), "must be from " + number_text(range.low) + " to " + number_text(range.high));
  }
  out = number;
  return {};
}

Result<void> read_integer(const bj::object& object, std::string_view name, const JsonPath& path, IntegerRange range,
                          std::optional<std::int64_t>& out) {
  const bj::value* value = find_member(object, name);
  if (value == nullptr) return {};
  const std::optional<std::int64_t> number = to_integer(*value);
  if (!number) return malformed(path.member(name), "expected a whole number");
  if (*number < range.low || *number > range.high) {
    return malformed(path.member(name),
                     "must be from " + std::to_string(range.low) + " to " + std::to_string(range.high));
  }
  out = number;
  return {};
}

Result<const bj::object*> read_object(const bj::object& object, std::string_view name, const JsonPath& path) {
  const bj::value* value = find_member(object, name);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) return malformed(path.member(name), "expected an object");
  return &value->get_object();
}

Result<const bj::array*> read_array(const bj::object& object, std::string_view name, const JsonPath& path) {
  const bj::value* value = find_member(object, name);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) return malformed(path.member(name), "expected an array");
  return &value->get_array();
}

std::string_view string_or_empty(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return {};
  return value->get_string();
}

std::int64_t integer_or(const bj::object& object, std::string_view name, std::int64_t fallback) {
  const bj::value* value = object.if_contains(name);
  if (value == nullptr) return fallback;
  return to_integer(*value).value_or(fallback);
}

const bj::object* object_or_null(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

const bj::array* array_or_null(const bj::object& object, std::string_view name) {
  const bj::value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_array();
}

std::optional<double> to_double(const bj::value& value) {
  if (value.is_double()) return value.get_double();
  if (value.is_int64()) return static_cast<double>(value.get_int64());
  if (value.is_uint64()) return static_cast<double>(value.get_uint64());
  return std::nullopt;
}

std::optional<std::int64_t> to_integer(const bj::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_double()) {
    const double number = value.get_double();
    if (std::trunc(number) == number && std::fabs(number) < 0x1p63) return static_cast<std::int64_t>(number);
  }
  return std::nullopt;  // uint64 values here are beyond int64
}

}  // namespace suffice::wire
