#include "lab/suites/suite.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include "core/hash.hpp"
#include "core/text.hpp"
#include "lab/suites/suite_files.hpp"
#include "policy/read_file.hpp"
#include "wire/json.hpp"

namespace suffice::lab {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kYamlBytesMax = 1UL << 20;
constexpr std::size_t kCasesBytesMax = 256UL << 20;

std::string folded(std::string_view text) { return fold_case(trim(text)); }

/// Objects are equal whatever the order of their members; numbers by value; texts trimmed and case folded; lists in order.
bool same(const boost::json::value& expected, const boost::json::value& given) {
  if (expected.is_string() && given.is_string()) return folded(expected.as_string()) == folded(given.as_string());
  if (expected.is_number() && given.is_number()) return expected.to_number<double>() == given.to_number<double>();
  if (expected.is_array() && given.is_array()) {
    return std::ranges::equal(expected.as_array(), given.as_array(), same);
  }
  if (expected.is_object() && given.is_object()) {
    const boost::json::object& other = given.as_object();
    return expected.as_object().size() == other.size() &&
           std::ranges::all_of(expected.as_object(), [&](const auto& member) {
             const boost::json::value* own = other.if_contains(member.key());
             return own != nullptr && same(member.value(), *own);
           });
  }
  return expected == given;
}

Result<std::string> read(const fs::path& file, std::size_t bytes_max, std::vector<policy::Problem>& problems) {
  Result<std::string> text = policy::read_file(file, bytes_max);
  if (!text) problems.push_back({file.string(), 0, 0, "", text.error().message});
  return text;
}

}  // namespace

bool Expectation::empty() const {
  return text.empty() && fields.empty() && one_of.empty() && contains.empty() && regex.empty();
}

bool is_right(const Expectation& expected, std::string_view answer) {
  if (!expected.text.empty()) return folded(answer) == folded(expected.text);
  if (!expected.fields.empty()) {
    const Result<boost::json::value> given = wire::parse_json(trim(answer));
    const Result<boost::json::value> wanted = wire::parse_json(expected.fields.text);
    return given && wanted && same(*wanted, *given);
  }
  if (!expected.one_of.empty()) {
    return std::ranges::any_of(expected.one_of, [&](const std::string& one) { return folded(answer) == folded(one); });
  }
  if (!expected.regex.empty()) return RE2::PartialMatch(std::string(answer), RE2(expected.regex, RE2::Quiet));
  const std::string given = folded(answer);
  return !expected.contains.empty() && std::ranges::all_of(expected.contains, [&](const std::string& part) {
    return given.find(folded(part)) != std::string::npos;
  });
}

LoadedSuite parse_suite(std::string_view yaml, std::string_view cases, const fs::path& folder) {
  LoadedSuite loaded;
  Suite suite = read_suite_yaml(yaml, (folder / "suite.yaml").string(), loaded.problems);
  const std::string file = (folder / "cases.jsonl").string();
  suite.cases = read_cases(cases, file, loaded.problems);
  if (suite.cases.empty() && loaded.problems.empty()) {
    loaded.problems.push_back({file, 0, 0, "", "no cases; write one JSON object a line"});
  }
  policy::sort_by_place(loaded.problems);
  if (!loaded.problems.empty()) return loaded;
  const fs::path whole = folder.lexically_normal();
  suite.name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  suite.folder = folder;
  suite.sha256 = sha256_hex(sha256_hex(yaml) + sha256_hex(cases));
  loaded.suite = std::move(suite);
  return loaded;
}

LoadedSuite load_suite(const fs::path& folder) {
  LoadedSuite loaded;
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    loaded.problems.push_back(
        {folder.string(), 0, 0, "", "no such folder; a suite is a folder with suite.yaml and cases.jsonl"});
    return loaded;
  }
  const Result<std::string> yaml = read(folder / "suite.yaml", kYamlBytesMax, loaded.problems);
  const Result<std::string> cases = read(folder / "cases.jsonl", kCasesBytesMax, loaded.problems);
  if (!yaml || !cases) return loaded;
  return parse_suite(*yaml, *cases, folder);
}

std::vector<policy::Problem> unknown_labels(const Suite& suite, const std::vector<std::string>& labels) {
  std::vector<policy::Problem> problems;
  if (labels.empty()) return problems;
  const auto known = [&](const std::string& text) {
    return std::ranges::any_of(labels, [&](const std::string& label) { return folded(label) == folded(text); });
  };
  for (const SuiteCase& one : suite.cases) {
    if (one.expected.text.empty() || known(one.expected.text)) continue;
    problems.push_back({(suite.folder / "cases.jsonl").string(), static_cast<int>(one.line), 0, "expected",
                        fmt::format("the task {} has no label {}{}", suite.task, one.expected.text,
                                    policy::did_you_mean(one.expected.text, labels))});
  }
  return problems;
}

}  // namespace suffice::lab
