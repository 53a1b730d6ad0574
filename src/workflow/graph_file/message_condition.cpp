#include "workflow/graph_file/message_condition.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <re2/re2.h>

#include "wire/json.hpp"
#include "workflow/graph_file/message_view.hpp"

namespace suffice::workflow {
namespace {

namespace json = boost::json;

using Test = std::function<bool(const json::value& root)>;
using ValueTest = std::function<bool(const json::value*)>;

constexpr std::int64_t kExpressionBytesMax = 1L << 20;

Result<Test> compile(const json::value& written, const std::string& where);

bool same(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return a.to_number<double>() == b.to_number<double>();
  return a == b;
}

Result<ValueTest> expression(const json::value& written, const std::string& where) {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kExpressionBytesMax);
  const auto compiled = std::make_shared<const RE2>(std::string(written.as_string()), options);
  if (!compiled->ok()) return fail(ErrorCode::InvalidArgument, "is no expression of RE2: " + compiled->error(), where);
  return [compiled](const json::value* value) {
    return value != nullptr && value->is_string() && RE2::PartialMatch(std::string(value->get_string()), *compiled);
  };
}

/// What one member says of the value at the pointer; nothing for members that are not about it.
Result<ValueTest> value_test(std::string_view key, const json::value& written, const std::string& where) {
  if (key == "equals") {
    return [written](const json::value* value) { return value != nullptr && same(*value, written); };
  }
  if (key == "in") {
    return [written](const json::value* value) {
      return value != nullptr &&
             std::ranges::any_of(written.as_array(), [&](const json::value& one) { return same(*value, one); });
    };
  }
  if (key == "exists") {
    return [wanted = written.as_bool()](const json::value* value) {
      return (value != nullptr && !value->is_null()) == wanted;
    };
  }
  if (key == "matches") return expression(written, where);
  if (key == "above" || key == "below") {
    return [limit = written.to_number<double>(), above = key == "above"](const json::value* value) {
      if (value == nullptr || !value->is_number()) return false;
      const double number = value->to_number<double>();
      return above ? number > limit : number < limit;
    };
  }
  return ValueTest{};
}

Result<Test> compile_list(const json::array& written, bool all, const std::string& where) {
  std::vector<Test> tests;
  for (std::size_t i = 0; i < written.size(); ++i) {
    SUFFICE_TRY(Test test, compile(written[i], where + "/" + std::to_string(i)));
    tests.push_back(std::move(test));
  }
  return [tests = std::move(tests), all](const json::value& root) {
    const auto holds = [&](const Test& test) { return test(root); };
    return all ? std::ranges::all_of(tests, holds) : std::ranges::any_of(tests, holds);
  };
}

Result<Test> compile(const json::value& written, const std::string& where) {
  const json::object& members = written.as_object();
  std::string pointer;
  if (const json::value* given = members.if_contains("pointer")) pointer = given->as_string();
  std::vector<Test> tests;
  for (const auto& member : members) {
    const std::string at = where + "/" + std::string(member.key());
    if (member.key() == "pointer") continue;
    if (member.key() == "not") {
      SUFFICE_TRY(Test inner, compile(member.value(), at));
      tests.emplace_back([inner = std::move(inner)](const json::value& root) { return !inner(root); });
      continue;
    }
    if (member.key() == "any" || member.key() == "all") {
      SUFFICE_TRY(Test list, compile_list(member.value().as_array(), member.key() == "all", at));
      tests.push_back(std::move(list));
      continue;
    }
    SUFFICE_TRY(ValueTest test, value_test(member.key(), member.value(), at));
    tests.emplace_back(
        [test = std::move(test), pointer](const json::value& root) { return test(find_at(root, pointer)); });
  }
  if (tests.empty())
    return fail(ErrorCode::InvalidArgument,
                "says nothing of the value there; add equals, in, matches, above, below or exists", where);
  return [tests = std::move(tests)](const json::value& root) {
    return std::ranges::all_of(tests, [&](const Test& test) { return test(root); });
  };
}

}  // namespace

Result<FlowCondition> compile_condition(const json::value& written) {
  SUFFICE_TRY(Test test, compile(written, ""));
  return [test = std::move(test)](const FlowMessage& message) {
    const Result<json::value> body = wire::parse_json(message.body.empty() ? "null" : message.body.text);
    return body && test(*body);
  };
}

}  // namespace suffice::workflow
