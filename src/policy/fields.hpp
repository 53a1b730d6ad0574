#pragma once
// Fields: reads the members of a mapping that has already satisfied its schema.
// Internal to the file-reading modules (policy, prompts).

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

namespace suffice::policy {

/// A view of one mapping; it outlives the call only. A member of another type than asked for counts as absent, so that
/// reading never fails; SchemaCheck has reported it.
class Fields {
 public:
  explicit Fields(const boost::json::object& object) : object_(object) {}
  /// An empty mapping when `value` is absent or none.
  explicit Fields(const boost::json::value* value);

  [[nodiscard]] const boost::json::value* find(std::string_view key) const { return object_.if_contains(key); }
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  [[nodiscard]] const boost::json::object& object() const { return object_; }

  [[nodiscard]] std::string text(std::string_view key, std::string_view otherwise = {}) const;
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t otherwise) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  [[nodiscard]] bool flag(std::string_view key, bool otherwise) const;
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view key, std::chrono::milliseconds otherwise) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;
  [[nodiscard]] Fields below(std::string_view key) const { return Fields(find(key)); }

 private:
  const boost::json::object& object_;
};

}  // namespace suffice::policy
