#pragma once
// The schema positions of a schema document: which keywords they use, which resource ($id) they belong to, what their anchors are.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/json.hpp>

#include "core/result.hpp"

namespace suffice::gate::schema {

/// Bits. A document that names no draft (or 2019-09) may use the keywords of both.
enum Draft : std::uint8_t { Draft7 = 1, Draft2020 = 2, AnyDraft = 3 };

/// A schema with an URI of its own, and what is within it.
struct Resource {
  const boost::json::value* root = nullptr;
  std::string uri;
  Draft draft = AnyDraft;
  std::map<std::string, const boost::json::value*, std::less<>> anchors;
  std::map<std::string, const boost::json::value*, std::less<>> dynamic_anchors;
};

/// Index over one document, which must outlive it and not move.
class Document {
 public:
  /// InvalidArgument with the JSON pointer of the first keyword that is unknown to its draft, misplaced or of the wrong shape.
  static Result<Document> scan(const boost::json::value& root);

  [[nodiscard]] const std::vector<Resource>& resources() const { return resources_; }
  /// Resource of a schema position; nothing for values that are not one.
  [[nodiscard]] const std::int32_t* resource_of(const boost::json::value& schema) const;

  struct Target {
    const boost::json::value* schema = nullptr;
    std::string fragment;
  };
  /// What `reference` means inside `resource`. InvalidArgument when it leaves the document or points at no schema.
  [[nodiscard]] Result<Target> resolve(std::int32_t resource, std::string_view reference) const;

 private:
  Result<void> visit(const boost::json::value& schema, std::int32_t resource, const std::string& pointer);
  Result<std::int32_t> enter(const boost::json::object& schema, const boost::json::value& self, std::int32_t resource,
                             const std::string& pointer);
  Result<void> visit_keyword(std::string_view name, const boost::json::value& value, std::int32_t resource,
                             const std::string& pointer);
  Result<void> visit_each(const boost::json::value& value, std::int32_t resource, const std::string& pointer);
  Result<void> add_anchor(const boost::json::value& name, const boost::json::value& self, std::int32_t resource,
                          bool dynamic, const std::string& pointer);

  std::vector<Resource> resources_;
  std::unordered_map<const boost::json::value*, std::int32_t> home_;
};

}  // namespace suffice::gate::schema
