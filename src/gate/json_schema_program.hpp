#pragma once
// A compiled JSON Schema: nodes that refer to each other by number. Built by json_schema_compile.cpp, run by json_schema_run.cpp.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <re2/re2.h>

#include "core/result.hpp"

namespace suffice::gate::schema {

using NodeId = std::int32_t;
constexpr NodeId kNone = -1;

/// Bits of `type`. A number without a fraction is an Integer and a Number.
enum Type : std::uint8_t { Null = 1, Boolean = 2, Integer = 4, Number = 8, String = 16, Array = 32, Object = 64 };

struct Counts {
  std::uint64_t min = 0;
  std::uint64_t max = UINT64_MAX;
};

struct PatternNode {
  std::shared_ptr<const RE2> pattern;
  NodeId node = kNone;
};

/// What one schema object demands. Long double holds every int64, uint64 and double exactly on the platforms we build for.
struct Node {
  bool refuses_all = false;  ///< the schema `false`
  std::int32_t resource = 0;

  std::uint8_t types = 0;  ///< 0: any
  const boost::json::array* allowed = nullptr;
  const boost::json::value* constant = nullptr;

  std::optional<long double> minimum, maximum, minimum_exclusive, maximum_exclusive;
  std::optional<double> multiple_of;
  std::optional<Counts> length;
  std::shared_ptr<const RE2> pattern;
  bool empty_string_allowed = false;  ///< says minLength 0, enum or const, so Strictness::ModelOutput lets "" pass

  std::vector<NodeId> prefix_items;
  NodeId items = kNone;  ///< those after prefix_items
  NodeId contains = kNone;
  Counts contains_count{.min = 1};
  std::optional<Counts> item_count;
  bool unique_items = false;
  NodeId unevaluated_items = kNone;

  std::map<std::string, NodeId, std::less<>> properties;
  std::vector<PatternNode> pattern_properties;
  NodeId additional_properties = kNone;
  NodeId property_names = kNone;
  std::vector<std::string> required;
  std::optional<Counts> property_count;
  std::vector<std::pair<std::string, std::vector<std::string>>> dependent_required;
  std::vector<std::pair<std::string, NodeId>> dependent_schemas;
  NodeId unevaluated_properties = kNone;

  std::vector<NodeId> all_of, any_of, one_of;
  NodeId none_of = kNone;  ///< `not`
  NodeId if_node = kNone, then_node = kNone, else_node = kNone;
  NodeId ref = kNone;
  NodeId dynamic_ref = kNone;
  std::string dynamic_name;  ///< when dynamic_ref may land at another anchor of this name
};

struct Program {
  boost::json::value document;  ///< nodes point into it; never moved after compilation
  std::deque<Node> nodes;       ///< node 0 is the root
  std::map<std::pair<std::int32_t, std::string>, NodeId> dynamic_anchors;  ///< (resource, name)
};

/// InvalidArgument as JsonSchema::compile says.
[[nodiscard]] Result<std::unique_ptr<const Program>> compile(std::string_view schema_text);

enum class Closed : std::uint8_t { No, Yes };

/// Problems of `instance`, at most 8; empty when valid. `Closed::Yes` adds the rules of Strictness::ModelOutput.
[[nodiscard]] std::vector<std::string> run(const Program& program, const boost::json::value& instance, Closed closed);

}  // namespace suffice::gate::schema
