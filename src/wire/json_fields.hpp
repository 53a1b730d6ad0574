#pragma once
// Reading members of a JSON object with errors that name the place. For the decoders of this folder.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "core/result.hpp"

namespace suffice::wire {

/// A place in a document, kept as links on the stack and written out ("messages[2].role") only for an error.
/// A path must not outlive the path it was made from.
class JsonPath {
 public:
  JsonPath() = default;
  [[nodiscard]] JsonPath member(std::string_view name) const { return JsonPath{this, name, 0}; }
  [[nodiscard]] JsonPath element(std::size_t index) const { return JsonPath{this, {}, index}; }
  [[nodiscard]] std::string text() const;

 private:
  JsonPath(const JsonPath* parent, std::string_view name, std::size_t index)
      : parent_(parent), name_(name), index_(index) {}
  const JsonPath* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = 0;
};

/// MalformedRequest at `path`.
[[nodiscard]] std::unexpected<Error> malformed(const JsonPath& path, std::string message);
/// UnsupportedField at `path`.
[[nodiscard]] std::unexpected<Error> unsupported(const JsonPath& path, std::string message);

/// The member's value; null when it is absent or JSON null (which every dialect here treats as absent).
[[nodiscard]] const boost::json::value* find_member(const boost::json::object& object, std::string_view name);

/// Set `out` when the member is there; MalformedRequest when it has another type.
Result<void> read_member(const boost::json::object& object, std::string_view name, const JsonPath& path,
                         std::string& out);
Result<void> read_member(const boost::json::object& object, std::string_view name, const JsonPath& path, bool& out);
Result<void> read_member(const boost::json::object& object, std::string_view name, const JsonPath& path,
                         std::optional<bool>& out);

/// The same for numbers within [low, high]; integers may be written as 3.0.
struct NumberRange {
  double low = 0;
  double high = 0;
};
Result<void> read_number(const boost::json::object& object, std::string_view name, const JsonPath& path,
                         NumberRange range, std::optional<double>& out);
struct IntegerRange {
  std::int64_t low = 0;
  std::int64_t high = 0;
};
Result<void> read_integer(const boost::json::object& object, std::string_view name, const JsonPath& path,
                          IntegerRange range, std::optional<std::int64_t>& out);

/// The object or array of that name; null when absent, MalformedRequest when it is something else.
Result<const boost::json::object*> read_object(const boost::json::object& object, std::string_view name,
                                               const JsonPath& path);
Result<const boost::json::array*> read_array(const boost::json::object& object, std::string_view name,
                                             const JsonPath& path);

// Lenient readers, for what providers send: another type counts as absent.
[[nodiscard]] std::string_view string_or_empty(const boost::json::object& object, std::string_view name);
[[nodiscard]] std::int64_t integer_or(const boost::json::object& object, std::string_view name, std::int64_t fallback);
[[nodiscard]] const boost::json::object* object_or_null(const boost::json::object& object, std::string_view name);
[[nodiscard]] const boost::json::array* array_or_null(const boost::json::object& object, std::string_view name);
[[nodiscard]] std::optional<double> to_double(const boost::json::value& value);
[[nodiscard]] std::optional<std::int64_t> to_integer(const boost::json::value& value);

/// Memory for one decoded document: the first 16 KiB on the stack, the rest in growing blocks, freed at once.
class JsonArena {
 public:
  [[nodiscard]] boost::json::storage_ptr storage() { return &resource_; }

 private:
  unsigned char buffer_[16UL * 1024];
  boost::json::monotonic_resource resource_{buffer_, sizeof buffer_};
};

}  // namespace suffice::wire
