#include "learned/sealed_file.hpp"

#include <cmath>
#include <fstream>
#include <iterator>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/hash.hpp"
#include "wire/json.hpp"

namespace suffice::learned {
namespace {

namespace json = boost::json;

constexpr std::size_t kFileBytesMax = 4'000'000;
constexpr std::string_view kDigestWord = "sha256 ";

std::unexpected<Error> broken(std::string_view kind, std::string_view what) {
  return fail(ErrorCode::ModelInvalid, fmt::format("not a {} file: {}", kind, what));
}

std::string first_line(std::string_view kind) { return fmt::format("suffice-{} 1\n", kind); }

std::unexpected<Error> bad_member(std::string_view key, std::string_view wanted) {
  return fail(ErrorCode::ModelInvalid, fmt::format("\"{}\" is no {}", key, wanted));
}

}  // namespace

std::string seal(std::string_view kind, const json::object& content) {
  std::string bytes = first_line(kind) + json::serialize(content) + "\n";
  bytes += std::string(kDigestWord) + sha256_hex(bytes) + "\n";
  return bytes;
}

Result<json::object> unseal(std::string_view kind, std::string_view bytes) {
  const std::string first = first_line(kind);
  if (!bytes.starts_with(first)) return broken(kind, fmt::format("its first line is not \"suffice-{} 1\"", kind));
  const std::size_t end = bytes.find('\n', first.size());
  if (end == std::string_view::npos) return broken(kind, "it is cut off");
  const std::string_view sealed = bytes.substr(0, end + 1);
  if (bytes.substr(end + 1) != std::string(kDigestWord) + sha256_hex(sealed) + "\n") {
    return broken(kind, "its checksum does not fit; it was cut or altered");
  }
  Result<json::value> parsed = wire::parse_json(bytes.substr(first.size(), end - first.size()));
  if (!parsed || !parsed->is_object()) return broken(kind, "its second line is no JSON object");
  return std::move(parsed->as_object());
}

Result<std::string> read_sealed_file(const std::string& file, std::string_view made_by) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ErrorCode::NotFound, fmt::format("no such file; `{}` makes one", made_by), file);
  std::string bytes;
  bytes.resize(kFileBytesMax + 1);
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (in.bad()) return fail(ErrorCode::IoFailed, "cannot be read", file);
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.size() > kFileBytesMax) return fail(ErrorCode::ModelInvalid, "larger than 4 MB", file);
  return bytes;
}

Result<double> number_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return bad_member(key, "number");
  const double number = value->to_number<double>();
  if (!std::isfinite(number)) return bad_member(key, "finite number");
  return number;
}

Result<std::int64_t> integer_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_int64()) return bad_member(key, "whole number");
  return value->as_int64();
}

Result<std::string> text_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return bad_member(key, "text");
  return std::string(value->as_string());
}

Result<std::vector<double>> numbers_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return bad_member(key, "list of numbers");
  std::vector<double> numbers;
  for (const json::value& entry : value->as_array()) {
    if (!entry.is_number() || !std::isfinite(entry.to_number<double>())) return bad_member(key, "list of numbers");
    numbers.push_back(entry.to_number<double>());
  }
  return numbers;
}

Result<std::vector<std::string>> texts_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return bad_member(key, "list of texts");
  std::vector<std::string> texts;
  for (const json::value& entry : value->as_array()) {
    if (!entry.is_string()) return bad_member(key, "list of texts");
    texts.emplace_back(entry.as_string());
  }
  return texts;
}

}  // namespace suffice::learned
