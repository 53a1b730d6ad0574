// cases.jsonl: one object a line, every problem with its line.

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include "core/text.hpp"
#include "lab/suites/suite_files.hpp"
#include "wire/json.hpp"

namespace suffice::lab {
namespace {

namespace json = boost::json;

constexpr std::string_view kMembers[] = {"id",      "input",         "messages", "repeat", "expected",
                                         "checker", "must_escalate", "frontier", "tags"};
constexpr std::string_view kCheckers[] = {"one_of", "contains", "regex"};

/// So much may a case's `repeat` make of its input; larger inputs belong into the file.
constexpr std::size_t kInputBytesMax = 8UL * 1024 * 1024;

std::vector<std::string> words(std::span<const std::string_view> names) { return {names.begin(), names.end()}; }

/// Reads one line; complains with its place.
class LineReader {
 public:
  LineReader(const std::string& file, std::size_t line, std::vector<policy::Problem>& problems)
      : file_(file), line_(line), problems_(problems) {}

  void problem(std::string path, std::string message) {
    problems_.push_back({file_, static_cast<int>(line_), 0, std::move(path), std::move(message)});
  }

  void only(const json::object& object, const std::string& path, std::span<const std::string_view> known) {
    for (const auto& member : object) {
      if (std::ranges::find(known, std::string_view(member.key())) != known.end()) continue;
      const std::string key(member.key());
      problem(path + key, fmt::format("no case has this member{}; it may have {}",
                                      policy::did_you_mean(key, words(known)), fmt::join(known, ", ")));
    }
  }

  /// A text that is not empty; nothing, and a problem, when it is something else. Nothing alone when it is absent.
  std::optional<std::string> text(const json::object& object, std::string_view key, const std::string& path) {
    const json::value* value = object.if_contains(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string() || value->as_string().empty()) {
      problem(path + std::string(key), "write a text that is not empty");
      return std::nullopt;
    }
    return std::string(value->as_string());
  }

  std::vector<std::string> texts(const json::object& object, std::string_view key, const std::string& path) {
    std::vector<std::string> list;
    const json::value* value = object.if_contains(key);
    if (value == nullptr) return list;
    if (!value->is_array() || !std::ranges::all_of(value->as_array(), [](const json::value& one) {
          return one.is_string() && !one.as_string().empty();
        })) {
      problem(path + std::string(key), "write a list of texts");
      return list;
    }
    for (const json::value& one : value->as_array()) list.emplace_back(one.as_string());
    return list;
  }

  std::optional<SuiteCase> read(const json::object& object);

 private:
  void read_input(const json::object& object, SuiteCase& found);
  void read_messages(const json::value& value, SuiteCase& found);
  void read_expected(const json::object& object, SuiteCase& found);
  void read_checker(const json::value& value, Expectation& expected);

  const std::string& file_;
  std::size_t line_;
  std::vector<policy::Problem>& problems_;
};

void LineReader::read_messages(const json::value& value, SuiteCase& found) {
  if (!value.is_array() || value.as_array().empty()) {
    return problem("messages", R"(write a list of {"role": ..., "content": ...})");
  }
  for (const json::value& entry : value.as_array()) {
    if (!entry.is_object()) return problem("messages", R"(each message is {"role": ..., "content": ...})");
    const json::object& message = entry.as_object();
    constexpr std::string_view known[] = {"role", "content"};
    only(message, "messages.", known);
    const std::optional<std::string> word = text(message, "role", "messages.");
    const std::optional<std::string> content = text(message, "content", "messages.");
    const std::optional<Role> role = word ? role_from_name(*word) : std::nullopt;
    if (!role || *role == Role::Tool || !content) {
      return problem("messages", "each has a role (system, developer, user, assistant) and a content");
    }
    found.messages.push_back(Message::of(*role, *content));
  }
  if (found.messages.back().role != Role::User) problem("messages", "the last message is the user's");
}

void LineReader::read_input(const json::object& object, SuiteCase& found) {
  const json::value* messages = object.if_contains("messages");
  if ((messages == nullptr) == (object.if_contains("input") == nullptr)) {
    return problem("", "a case has either input or messages");
  }
  if (messages != nullptr) return read_messages(*messages, found);
  std::optional<std::string> input = text(object, "input", "");
  if (!input) return;
  if (const json::value* repeat = object.if_contains("repeat")) {
    std::int64_t times = 0;
    if (const auto* number = repeat->if_int64()) times = *number;
    if (times < 1 || static_cast<std::size_t>(times) > kInputBytesMax / input->size()) {
      return problem("repeat", "write how many times the input is sent in a row, from 1, at most 8 MB in all");
    }
    std::string all;
    for (std::int64_t i = 0; i < times; ++i) all += *input;
    input = std::move(all);
  }
  found.messages.push_back(Message::of(Role::User, *std::move(input)));
}

void LineReader::read_checker(const json::value& value, Expectation& expected) {
  if (!value.is_object() || value.as_object().size() != 1) {
    return problem("checker", fmt::format("write one of {{{}}}", fmt::join(kCheckers, ", ")));
  }
  const json::object& checker = value.as_object();
  only(checker, "checker.", kCheckers);
  expected.one_of = texts(checker, "one_of", "checker.");
  expected.contains = texts(checker, "contains", "checker.");
  if (const std::optional<std::string> regex = text(checker, "regex", "checker.")) {
    const RE2 compiled(*regex, RE2::Quiet);
    if (!compiled.ok()) return problem("checker.regex", "not an RE2 expression: " + compiled.error());
    expected.regex = *regex;
  }
}

void LineReader::read_expected(const json::object& object, SuiteCase& found) {
  const json::value* expected = object.if_contains("expected");
  const json::value* checker = object.if_contains("checker");
  if (expected != nullptr && checker != nullptr) return problem("", "a case has either expected or checker");
  if (checker != nullptr) return read_checker(*checker, found.expected);
  if (expected == nullptr) {
    if (!found.must_escalate) problem("", "say what is right: expected or checker (or must_escalate: true)");
    return;
  }
  if (const auto* label = expected->if_string(); label != nullptr && !trim(*label).empty()) {
    found.expected.text = std::string(*label);
  } else if (expected->is_object()) {
    found.expected.fields = wire::to_json_text(*expected);
  } else {
    problem("expected", "write a label or text, or an object of fields");
  }
}

std::optional<SuiteCase> LineReader::read(const json::object& object) {
  const std::size_t before = problems_.size();
  SuiteCase found;
  found.line = line_;
  only(object, "", kMembers);
  const std::optional<std::string> id = text(object, "id", "");
  if (!id && object.if_contains("id") == nullptr) problem("id", "every case has an id of its own");
  found.id = id.value_or("");
  if (const json::value* flag = object.if_contains("must_escalate")) {
    if (flag->is_bool()) {
      found.must_escalate = flag->as_bool();
    } else {
      problem("must_escalate", "write true or false");
    }
  }
  read_input(object, found);
  read_expected(object, found);
  found.frontier = text(object, "frontier", "");
  found.tags = texts(object, "tags", "");
  if (problems_.size() > before) return std::nullopt;
  return found;
}

}  // namespace

std::vector<SuiteCase> read_cases(std::string_view lines, const std::string& file,
                                  std::vector<policy::Problem>& problems) {
  std::vector<SuiteCase> cases;
  std::map<std::string, std::size_t, std::less<>> line_of;
  std::size_t number = 0;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = trim(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
    ++number;
    if (line.empty()) continue;
    LineReader reader(file, number, problems);
    const Result<json::value> value = wire::parse_json(line);
    if (!value) {
      reader.problem("",
                     fmt::format("not JSON ({}, {}); one object a line", value.error().message, value.error().where));
      continue;
    }
    if (!value->is_object()) {
      reader.problem("", "a case is an object: {\"id\": ..., \"input\": ..., \"expected\": ...}");
      continue;
    }
    std::optional<SuiteCase> found = reader.read(value->as_object());
    if (!found) continue;
    const auto [first, fresh] = line_of.emplace(found->id, number);
    if (!fresh) {
      reader.problem("id", fmt::format("line {} has the same id; results are kept by it", first->second));
      continue;
    }
    cases.push_back(*std::move(found));
  }
  return cases;
}

}  // namespace suffice::lab
