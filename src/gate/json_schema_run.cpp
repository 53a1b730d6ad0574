// Runs a compiled schema over an instance: draft 2020-12's evaluation model, annotations kept only as far as unevaluated* needs them.

#include <algorithm>
#include <cmath>
#include <ranges>
#include <unordered_set>

#include <fmt/format.h>

#include "core/text.hpp"
#include "gate/json_schema_program.hpp"
#include "wire/json.hpp"

namespace suffice::gate::schema {
namespace {

namespace bj = boost::json;

// Schemas may come from a caller. These bound what one can cost: a chain of references on one value, and alternatives that multiply.
constexpr int kDepthMax = 400;
constexpr int kStepsMax = 500'000;
constexpr std::size_t kProblemsMax = 8;

/// Where in the instance. Names of fields are shown only when the schema knows them; others are the answer's own text.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;
  std::size_t index = 0;
};

std::string render(const Path* path) {
  if (path == nullptr || path->parent == nullptr) return path == nullptr ? "" : "/";
  std::vector<const Path*> steps;
  for (; path->parent != nullptr; path = path->parent) steps.push_back(path);
  std::string out;
  for (const Path* step : std::views::reverse(steps)) {
    out += step->name.empty() ? fmt::format("/{}", step->index) : fmt::format("/{}", step->name);
  }
  return out;
}

/// Which members or items some keyword has looked at.
struct Marks {
  std::vector<bool> seen;
  bool fields_listed = false;  ///< a `properties` keyword applied here

  void mark(std::size_t index, std::size_t size) {
    if (seen.size() < size) seen.resize(size);
    seen[index] = true;
  }
  [[nodiscard]] bool has(std::size_t index) const { return index < seen.size() && seen[index]; }
  void merge(const Marks& other) {
    if (seen.size() < other.seen.size()) seen.resize(other.seen.size());
    for (std::size_t i = 0; i < other.seen.size(); ++i) seen[i] = seen[i] || other.seen[i];
    fields_listed = fields_listed || other.fields_listed;
  }
};

long double number_of(const bj::value& value) {
  if (value.is_int64()) return static_cast<long double>(value.get_int64());
  if (value.is_uint64()) return static_cast<long double>(value.get_uint64());
  return static_cast<long double>(value.get_double());
}

/// JSON Schema's equality: 1 equals 1.0, members in any order.
bool equal(const bj::value& a, const bj::value& b) {
  if (a.is_number() && b.is_number()) return number_of(a) == number_of(b);
  if (a.kind() != b.kind()) return false;
  if (a.is_array()) {
    return std::ranges::equal(a.get_array(), b.get_array(), equal);
  }
  if (!a.is_object()) return a == b;
  if (a.get_object().size() != b.get_object().size()) return false;
  return std::ranges::all_of(a.get_object(), [&](const auto& member) {
    const bj::value* other = b.get_object().if_contains(member.key());
    return other != nullptr && equal(member.value(), *other);
  });
}

std::uint8_t type_of(const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null:
      return Null;
    case bj::kind::bool_:
      return Boolean;
    case bj::kind::int64:
    case bj::kind::uint64:
      return Integer | Number;
    case bj::kind::double_:
      return value.get_double() == std::floor(value.get_double()) ? Integer | Number : Number;
    case bj::kind::string:
      return String;
    case bj::kind::array:
      return Array;
    case bj::kind::object:
      return Object;
  }
  return 0;
}

bool is_multiple(const bj::value& value, double of) {
  if (!value.is_double() && of == std::floor(of) && of < 0x1p53)
    return std::fmod(number_of(value), static_cast<long double>(of)) == 0;
  const auto number = static_cast<double>(number_of(value));
  const double quotient = number / of;
  if (!std::isfinite(quotient)) return std::fmod(number, of) == 0;
  // 0.0075 is a multiple of 0.0001 to anyone but a binary computer: a few units in the last place are forgiven.
  const double inverse = 1 / of;
  const bool divides_one = std::fabs(inverse - std::round(inverse)) <= 4 * 0x1p-52 * inverse;
  if (divides_one && number == std::floor(number)) return true;
  if (std::fabs(quotient) < 0x1p52)
    return std::fabs(quotient - std::round(quotient)) <= 4 * 0x1p-52 * std::fabs(quotient);
  return std::fmod(number, of) == 0;
}

bool within(std::uint64_t count, const Counts& counts) { return count >= counts.min && count <= counts.max; }

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

/// The fields that a rule evaluated keep their name in a path only when the schema lists them.
class Runner {
 public:
  Runner(const Program& program, Closed closed) : program_(program), closed_(closed == Closed::Yes) {}

  std::vector<std::string> run(const bj::value& instance) {
    const Path root;
    const bool fine = at_location(0, instance, root, Report::Yes);
    if (exhausted_) return {"the schema asks for more work than is allowed"};
    if (!fine && problems_.empty()) problems_.emplace_back("/: does not satisfy the schema");
    return std::move(problems_);
  }

 private:
  enum class Report : std::uint8_t { No, Yes };

  bool problem(const Path& path, Report report, std::string_view text) {
    if (report == Report::Yes && problems_.size() < kProblemsMax)
      problems_.push_back(fmt::format("{}: {}", render(&path), text));
    return false;
  }

  /// Whether checking goes on after a failure: only to collect more problems.
  [[nodiscard]] bool enough(bool fine, Report report) const {
    return exhausted_ || (!fine && (report == Report::No || problems_.size() >= kProblemsMax));
  }

  /// A value of its own: the root, a member, an item.
  bool at_location(NodeId id, const bj::value& value, const Path& path, Report report) {
    if (!closed_) return holds(id, value, path, nullptr, report);
    Marks marks;
    const bool fine = holds(id, value, path, &marks, report);
    if (!value.is_object() || !marks.fields_listed) return fine;
    for (std::size_t i = 0; i < value.get_object().size(); ++i) {
      if (!marks.has(i)) return problem(path, report, "a field that the schema does not name");
    }
    return fine;
  }

  bool holds(NodeId id, const bj::value& value, const Path& path, Marks* marks, Report report) {
    if (++steps_ > kStepsMax || depth_ >= kDepthMax) exhausted_ = true;
    if (exhausted_) return false;
    const Node& node = program_.nodes[static_cast<std::size_t>(id)];
    if (node.refuses_all) return problem(path, report, "nothing is allowed here");

    ++depth_;
    scope_.push_back(node.resource);
    const bool keeps_own = node.unevaluated_items != kNone || node.unevaluated_properties != kNone;
    Marks own;
    Marks* const kept = keeps_own ? &own : marks;
    bool fine = values(node, value, path, report);
    if (!enough(fine, report)) fine &= in_place(node, value, path, kept, report);
    if (!enough(fine, report)) fine &= inside(node, value, path, kept, report);
    if (keeps_own && !enough(fine, report)) fine &= unevaluated(node, value, path, own, report);
    if (keeps_own && marks != nullptr) marks->merge(own);
    scope_.pop_back();
    --depth_;
    return fine;
  }

  bool values(const Node& node, const bj::value& value, const Path& path, Report report) {
    bool fine = true;
    if (node.types != 0 && (node.types & type_of(value)) == 0) fine = problem(path, report, "wrong type");
    if (node.constant != nullptr && !equal(*node.constant, value))
      fine = problem(path, report, "value is not the one allowed");
    if (node.allowed != nullptr &&
        std::ranges::none_of(*node.allowed, [&](const bj::value& one) { return equal(one, value); })) {
      fine = problem(path, report, "value not in enum");
    }
    if (value.is_number()) return number(node, value, path, report) && fine;
    if (value.is_string()) return string(node, value.get_string(), path, report) && fine;
    return fine;
  }

  bool number(const Node& node, const bj::value& value, const Path& path, Report report) {
    const long double number = number_of(value);
    if (node.minimum && number < *node.minimum) return problem(path, report, "below the minimum");
    if (node.maximum && number > *node.maximum) return problem(path, report, "above the maximum");
    if (node.minimum_exclusive && number <= *node.minimum_exclusive)
      return problem(path, report, "not above the exclusive minimum");
    if (node.maximum_exclusive && number >= *node.maximum_exclusive)
      return problem(path, report, "not below the exclusive maximum");
    if (node.multiple_of && !is_multiple(value, *node.multiple_of))
      return problem(path, report, "not a multiple of what the schema says");
    return true;
  }

  bool string(const Node& node, std::string_view text, const Path& path, Report report) {
    if (node.length && !within(count_code_points(text), *node.length))
      return problem(path, report, "length out of range");
    if (node.pattern && !RE2::PartialMatch(piece(text), *node.pattern))
      return problem(path, report, "does not match the pattern");
    return true;
  }

  // -- schemas for the same value ------------------------------------------------------------------------------------------

  bool in_place(const Node& node, const bj::value& value, const Path& path, Marks* marks, Report report) {
    bool fine = true;
    const auto also = [&](NodeId id) {
      if (id != kNone && !enough(fine, report)) fine &= holds(id, value, path, marks, report);
    };
    also(node.ref);
    also(dynamic_target(node));
    for (const NodeId id : node.all_of) also(id);
    if (!node.any_of.empty() && !enough(fine, report)) fine &= any_of(node, value, path, marks, report);
    if (!node.one_of.empty() && !enough(fine, report)) fine &= one_of(node, value, path, marks, report);
    if (node.none_of != kNone && !enough(fine, report) && as_written(node.none_of, value, path, nullptr)) {
      fine = problem(path, report, "is what the schema excludes");
    }
    if (node.if_node != kNone && !enough(fine, report)) also(branch(node, value, path, marks));
    if (const auto* members = value.if_object()) {
      for (const auto& [name, id] : node.dependent_schemas) {
        if (members->contains(name)) also(id);
      }
    }
    return fine;
  }

  NodeId dynamic_target(const Node& node) const {
    if (node.dynamic_name.empty()) return node.dynamic_ref;
    for (const std::int32_t resource : scope_) {
      const auto anchor = program_.dynamic_anchors.find({resource, node.dynamic_name});
      if (anchor != program_.dynamic_anchors.end()) return anchor->second;
    }
    return node.dynamic_ref;
  }

  /// A condition, not a demand: the rules of closed objects do not apply, since failing here would allow something elsewhere.
  bool as_written(NodeId id, const bj::value& value, const Path& path, Marks* marks) {
    const bool closed = std::exchange(closed_, false);
    const bool fine = holds(id, value, path, marks, Report::No);
    closed_ = closed;
    return fine;
  }

  NodeId branch(const Node& node, const bj::value& value, const Path& path, Marks* marks) {
    Marks seen;
    const bool fine = as_written(node.if_node, value, path, marks != nullptr ? &seen : nullptr);
    if (fine && marks != nullptr) marks->merge(seen);
    return fine ? node.then_node : node.else_node;
  }

  /// How many of `ids` hold, at most `most`. What the holding ones evaluated is merged.
  std::size_t holding(const std::vector<NodeId>& ids, std::size_t most, const bj::value& value, const Path& path,
                      Marks* marks) {
    std::size_t count = 0;
    for (const NodeId id : ids) {
      Marks seen;
      if (!holds(id, value, path, marks != nullptr ? &seen : nullptr, Report::No)) continue;
      if (marks != nullptr) marks->merge(seen);
      if (++count == most) break;
    }
    return count;
  }

  bool any_of(const Node& node, const bj::value& value, const Path& path, Marks* marks, Report report) {
    const std::size_t most = marks == nullptr ? 1 : node.any_of.size();
    if (holding(node.any_of, most, value, path, marks) > 0) return true;
    return problem(path, report, "matches none of the alternatives");
  }

  bool one_of(const Node& node, const bj::value& value, const Path& path, Marks* marks, Report report) {
    const std::size_t count = holding(node.one_of, 2, value, path, marks);
    if (count == 1) return true;
    return problem(path, report, count == 0 ? "matches none of the alternatives" : "matches more than one alternative");
  }

  // -- schemas for members and items ---------------------------------------------------------------------------------------

  bool inside(const Node& node, const bj::value& value, const Path& path, Marks* marks, Report report) {
    if (const auto* members = value.if_object()) return object(node, *members, path, marks, report);
    if (const auto* items = value.if_array()) return array(node, *items, path, marks, report);
    return true;
  }

  bool object(const Node& node, const bj::object& members, const Path& path, Marks* marks, Report report) {
    bool fine = true;
    if (node.property_count && !within(members.size(), *node.property_count))
      fine = problem(path, report, "wrong number of fields");
    for (const std::string& name : node.required) fine &= required(node, members, name, path, report);
    for (const auto& [name, needed] : node.dependent_required) {
      if (!members.contains(name)) continue;
      for (const std::string& other : needed) {
        if (!members.contains(other))
          fine = problem(path, report, fmt::format("'{}' is missing beside '{}'", other, name));
      }
    }
    if (marks != nullptr && !node.properties.empty()) marks->fields_listed = true;
    std::size_t index = 0;
    for (const auto& member : members) {
      if (enough(fine, report)) return fine;
      const bool evaluated = field(node, member, path, report, fine);
      if (evaluated && marks != nullptr) marks->mark(index, members.size());
      ++index;
    }
    return fine;
  }

  bool required(const Node& node, const bj::object& members, const std::string& name, const Path& path, Report report) {
    const bj::value* value = members.if_contains(name);
    if (value == nullptr) return problem(path, report, fmt::format("'{}' is missing", name));
    if (!closed_ || !value->is_string() || !trim(value->get_string()).empty()) return true;
    const auto property = node.properties.find(name);
    if (property != node.properties.end() &&
        program_.nodes[static_cast<std::size_t>(property->second)].empty_string_allowed)
      return true;
    return problem(path, report, fmt::format("'{}' is empty", name));
  }

  /// Whether some keyword of `node` evaluated the member; `fine` becomes false when one of them fails.
  bool field(const Node& node, const bj::key_value_pair& member, const Path& path, Report report, bool& fine) {
    const std::string_view name = member.key();
    bool evaluated = false;
    const auto listed = node.properties.find(name);
    if (listed != node.properties.end()) {
      const Path at{.parent = &path, .name = listed->first};
      fine &= at_location(listed->second, member.value(), at, report);
      evaluated = true;
    }
    const Path at{.parent = &path, .name = listed != node.properties.end() ? std::string_view(listed->first) : "*"};
    for (const PatternNode& rule : node.pattern_properties) {
      if (!RE2::PartialMatch(piece(name), *rule.pattern)) continue;
      fine &= at_location(rule.node, member.value(), at, report);
      evaluated = true;
    }
    if (!evaluated && node.additional_properties != kNone) {
      fine &= at_location(node.additional_properties, member.value(), at, report);
      evaluated = true;
    }
    if (node.property_names != kNone) {
      const bj::value as_value(name);
      if (!holds(node.property_names, as_value, at, nullptr, Report::No))
        fine = problem(path, report, "a field's name is not allowed");
    }
    return evaluated;
  }

  bool array(const Node& node, const bj::array& items, const Path& path, Marks* marks, Report report) {
    bool fine = true;
    if (node.item_count && !within(items.size(), *node.item_count))
      fine = problem(path, report, "wrong number of items");
    if (node.unique_items && !unique(items)) fine = problem(path, report, "items are not unique");
    for (std::size_t i = 0; i < items.size() && !enough(fine, report); ++i) {
      const NodeId id = i < node.prefix_items.size() ? node.prefix_items[i] : node.items;
      if (id == kNone) break;
      const Path at{.parent = &path, .name = {}, .index = i};
      fine &= at_location(id, items[i], at, report);
      if (marks != nullptr) marks->mark(i, items.size());
    }
    if (node.contains != kNone && !enough(fine, report)) fine &= contains(node, items, path, marks, report);
    return fine;
  }

  bool contains(const Node& node, const bj::array& items, const Path& path, Marks* marks, Report report) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < items.size() && !exhausted_; ++i) {
      const Path at{.parent = &path, .name = {}, .index = i};
      if (!as_written(node.contains, items[i], at, nullptr)) continue;
      ++count;
      if (marks != nullptr) marks->mark(i, items.size());
    }
    return within(count, node.contains_count) ||
           problem(path, report, "wrong number of items of the kind that must be contained");
  }

  static bool unique(const bj::array& items) {
    std::unordered_set<std::string> seen;
    return std::ranges::all_of(items,
                               [&](const bj::value& item) { return seen.insert(wire::canonical_json(item)).second; });
  }

  bool unevaluated(const Node& node, const bj::value& value, const Path& path, Marks& marks, Report report) {
    bool fine = true;
    if (value.is_object() && node.unevaluated_properties != kNone) {
      std::size_t index = 0;
      for (const auto& member : value.get_object()) {
        const Path at{.parent = &path, .name = "*"};
        if (!marks.has(index)) fine &= at_location(node.unevaluated_properties, member.value(), at, report);
        marks.mark(index++, value.get_object().size());
      }
    }
    if (value.is_array() && node.unevaluated_items != kNone) {
      const bj::array& items = value.get_array();
      for (std::size_t i = 0; i < items.size(); ++i) {
        const Path at{.parent = &path, .name = {}, .index = i};
        if (!marks.has(i)) fine &= at_location(node.unevaluated_items, items[i], at, report);
        marks.mark(i, items.size());
      }
    }
    return fine;
  }

  const Program& program_;
  bool closed_;
  bool exhausted_ = false;
  int steps_ = 0;
  int depth_ = 0;
  std::vector<std::int32_t> scope_;  ///< resources being evaluated, outermost first
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> run(const Program& program, const bj::value& instance, Closed closed) {
  return Runner(program, closed).run(instance);
}

}  // namespace suffice::gate::schema
