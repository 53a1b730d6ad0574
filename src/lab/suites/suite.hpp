#pragma once
// A suite: cases of one task with what is right for each, and what must hold of them before local answers are released.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "policy/problem.hpp"

namespace suffice::lab {

/// How a share is compared with what is wanted of it: as measured, or by the end of its exact interval that speaks against it.
enum class GateBy : std::uint8_t { Estimate, Bound };

/// The release gate's thresholds (suite.yaml, `gates`). An absent share is not asked for.
struct ReleaseGates {
  std::optional<double> json_validity = 0.99;   ///< least share of local answers that satisfy the task's schema
  std::optional<double> label_accuracy = 0.95;  ///< least share of right answers among those accepted locally, low risk
  bool hard_stops = true;                       ///< no case that must escalate is accepted locally
  bool kill_switch = true;                      ///< nothing is local while it is on
  std::optional<double> accepted = {};          ///< least share of all cases accepted locally
  double confidence = 0.95;                     ///< of every interval
  GateBy by = GateBy::Estimate;
  bool operator==(const ReleaseGates&) const = default;
};

/// What makes an answer right. Exactly one of the members is set; none is for cases that only must escalate.
struct Expectation {
  std::string text = {};  ///< a label or a whole answer, compared trimmed and case folded
  JsonText fields = {};   ///< a JSON object: the answer has these members with these values, and no others
  std::vector<std::string> one_of = {};    ///< any of these texts
  std::vector<std::string> contains = {};  ///< all of these occur, case folded
  std::string regex = {};                  ///< an RE2 expression that matches somewhere

  [[nodiscard]] bool empty() const;
  bool operator==(const Expectation&) const = default;
};

struct SuiteCase {
  std::string id;
  std::vector<Message> messages;
  Expectation expected;
  bool must_escalate = false;           ///< a local answer is a false accept on a hard stop, right or not
  std::optional<std::string> frontier;  ///< what a frontier model answered when it was recorded
  std::vector<std::string> tags;
  std::size_t line = 0;  ///< in cases.jsonl, from 1
};

struct Suite {
  std::string name;  ///< of the folder
  std::filesystem::path folder;
  std::string task;
  std::string description;
  std::string policy;  ///< relative to the folder; empty: whatever the command says
  std::string provenance;
  std::string licence;
  ReleaseGates gates;
  std::vector<SuiteCase> cases;
  std::string sha256;  ///< of both files: results of another suite are never taken for this one's
};

/// A suite, or every problem of its two files (never only the first), each with file, line and what to do.
struct LoadedSuite {
  std::optional<Suite> suite;
  std::vector<policy::Problem> problems;
};

/// Pure: the texts of suite.yaml and cases.jsonl. `folder` names the files in problems.
[[nodiscard]] LoadedSuite parse_suite(std::string_view yaml, std::string_view cases,
                                      const std::filesystem::path& folder);
/// Reads both files of `folder`: suite.yaml up to 1 MB, cases.jsonl up to 256 MB.
[[nodiscard]] LoadedSuite load_suite(const std::filesystem::path& folder);

/// What the task can never answer: expected labels that it does not have. Of the cases' lines; `labels` empty: any text may be right.
[[nodiscard]] std::vector<policy::Problem> unknown_labels(const Suite& suite, const std::vector<std::string>& labels);

/// Whether `answer` is right. Pure.
[[nodiscard]] bool is_right(const Expectation& expected, std::string_view answer);

}  // namespace suffice::lab
