#include "wire/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <system_error>
#include <unordered_set>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>

#include "wire/json_writer.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

constexpr std::size_t kDepthCap = 512;

/// Boost's own handler keeps the last of several equal names and rounds some doubles; this one counts members, so that
/// duplicates show as a difference from the finished tree, and reads doubles with from_chars.
struct TreeHandler {
  // NOLINTBEGIN(readability-identifier-naming): Boost looks for these names.
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  // NOLINTEND(readability-identifier-naming)

  bj::value_stack stack;
  std::size_t members = 0;

  explicit TreeHandler(unsigned char* buffer, std::size_t size) : stack({}, buffer, size) {}

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code&) { return true; }
  bool on_object_end(std::size_t n, bj::error_code&) {
    members += n;
    stack.push_object(n);
    return true;
  }
  bool on_array_begin(bj::error_code&) { return true; }
  bool on_array_end(std::size_t n, bj::error_code&) {
    stack.push_array(n);
    return true;
  }
  bool on_key_part(bj::string_view s, std::size_t, bj::error_code&) {
    stack.push_chars(s);
    return true;
  }
  bool on_key(bj::string_view s, std::size_t, bj::error_code&) {
    stack.push_key(s);
    return true;
  }
  bool on_string_part(bj::string_view s, std::size_t, bj::error_code&) {
    stack.push_chars(s);
    return true;
  }
  bool on_string(bj::string_view s, std::size_t, bj::error_code&) {
    stack.push_string(s);
    return true;
  }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(std::int64_t i, bj::string_view, bj::error_code&) {
    stack.push_int64(i);
    return true;
  }
  bool on_uint64(std::uint64_t u, bj::string_view, bj::error_code&) {
    stack.push_uint64(u);
    return true;
  }
  bool on_double(double d, bj::string_view s, bj::error_code& ec) {
    double exact = d;
    const auto read = std::from_chars(s.data(), s.data() + s.size(), exact);
    if (read.ec != std::errc{} || read.ptr != s.data() + s.size()) exact = d;
    if (!std::isfinite(exact)) {
      ec = bj::error::exponent_overflow;
      return false;
    }
    stack.push_double(exact);
    return true;
  }
  bool on_bool(bool b, bj::error_code&) {
    stack.push_bool(b);
    return true;
  }
  bool on_null(bj::error_code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }
};

std::size_t count_members(const bj::value& value) {
  std::size_t count = 0;
  if (const bj::array* array = value.if_array()) {
    for (const bj::value& element : *array) {
      if (element.is_structured()) count += count_members(element);
    }
  } else if (const bj::object* object = value.if_object()) {
    count = object->size();
    for (const auto& member : *object) {
      if (member.value().is_structured()) count += count_members(member.value());
    }
  }
  return count;
}

Result<bj::value> refuse(const bj::error_code& ec, std::size_t offset) {
  std::string where = "byte " + std::to_string(offset);
  if (ec == bj::error::too_deep) return fail(ErrorCode::PayloadTooLarge, "JSON is nested too deeply", std::move(where));
  if (ec == bj::error::incomplete) return fail(ErrorCode::MalformedJson, "JSON ends too early", std::move(where));
  if (ec == bj::error::extra_data) {
    return fail(ErrorCode::MalformedJson, "something follows the JSON value", std::move(where));
  }
  if (ec == bj::error::exponent_overflow)
    return fail(ErrorCode::MalformedJson, "a number is out of range", std::move(where));
  return fail(ErrorCode::MalformedJson, "not JSON (" + ec.message() + ")", std::move(where));
}

std::size_t sort_and_append(std::string& out, const bj::value& value);

void append_canonical_object(std::string& out, const bj::object& object) {
  std::vector<const bj::key_value_pair*> members;
  members.reserve(object.size());
  for (const auto& member : object) members.push_back(&member);
  std::ranges::sort(
      members, [](const auto* a, const auto* b) { return std::string_view(a->key()) < std::string_view(b->key()); });
  out += '{';
  bool first = true;
  for (const auto* member : members) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, member->key());
    out += ':';
    sort_and_append(out, member->value());
  }
  out += '}';
}

template <class AppendElement>
void append_array(std::string& out, const bj::array& array, AppendElement append_element) {
  out += '[';
  bool first = true;
  for (const bj::value& element : array) {
    if (!first) out += ',';
    first = false;
    append_element(out, element);
  }
  out += ']';
}

/// True when `value` was a scalar and is written.
bool append_scalar(std::string& out, const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null:
      out += "null";
      return true;
    case bj::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return true;
    case bj::kind::int64:
      out += std::to_string(value.get_int64());
      return true;
    case bj::kind::uint64:
      out += std::to_string(value.get_uint64());
      return true;
    case bj::kind::double_:
      append_json_number(out, value.get_double());
      return true;
    case bj::kind::string:
      append_json_string(out, value.get_string());
      return true;
    default:
      return false;
  }
}

std::size_t sort_and_append(std::string& out, const bj::value& value) {
  if (append_scalar(out, value)) return out.size();
  if (const bj::array* array = value.if_array()) {
    append_array(out, *array, [](std::string& to, const bj::value& element) { sort_and_append(to, element); });
  } else {
    append_canonical_object(out, value.get_object());
  }
  return out.size();
}

}  // namespace

Result<bj::value> parse_json(std::string_view bytes, const JsonLimits& limits, bj::storage_ptr storage) {
  if (bytes.size() > limits.bytes_max) {
    return fail(ErrorCode::PayloadTooLarge, "JSON of " + std::to_string(bytes.size()) + " bytes is over the limit of " +
                                                std::to_string(limits.bytes_max));
  }
  if (bytes.starts_with("\xef\xbb\xbf"))
    return fail(ErrorCode::MalformedJson, "starts with a byte order mark", "byte 0");

  bj::parse_options options;
  options.max_depth = std::min(limits.depth_max, kDepthCap);
  unsigned char buffer[4096];
  bj::basic_parser<TreeHandler> parser(options, buffer, sizeof buffer);
  parser.handler().stack.reset(std::move(storage));
  bj::error_code ec;
  const std::size_t used = parser.write_some(false, bytes.data(), bytes.size(), ec);
  if (!ec && used < bytes.size()) ec = bj::error::extra_data;
  if (ec) return refuse(ec, used);

  bj::value value = parser.handler().stack.release();
  if (count_members(value) != parser.handler().members) {
    return fail(ErrorCode::MalformedJson, "an object has two members of the same name");
  }
  return value;
}

void append_json(std::string& out, const bj::value& value) {
  if (append_scalar(out, value)) return;
  if (const bj::array* array = value.if_array()) {
    append_array(out, *array, [](std::string& to, const bj::value& element) { append_json(to, element); });
    return;
  }
  out += '{';
  bool first = true;
  for (const auto& member : value.get_object()) {
    if (!first) out += ',';
    first = false;
    append_json_string(out, member.key());
    out += ':';
    append_json(out, member.value());
  }
  out += '}';
}

JsonText to_json_text(const bj::value& value) {
  JsonText json;
  append_json(json.text, value);
  return json;
}

std::string canonical_json(const bj::value& value) {
  std::string out;
  sort_and_append(out, value);
  return out;
}

}  // namespace suffice::wire
