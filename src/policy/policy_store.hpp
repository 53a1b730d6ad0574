#pragma once
// PolicyStore: the current policy, and how a new one takes its place.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "policy/policy.hpp"

namespace suffice::policy {

/// One thing wrong with a policy file. Line and column count from 1; 0 when the place is unknown.
struct Problem {
  std::string file;
  int line = 0;
  int column = 0;
  std::string path;     ///< tasks.classify_issue.min_confidence
  std::string message;  ///< what is wrong and what to do
  [[nodiscard]] std::string to_string() const;  ///< "file:line:column: path: message"
};

/// Environment as a value, so that tests choose it. Looks up a variable; nothing when unset or empty.
using Environment = std::function<std::optional<std::string>(std::string_view)>;
[[nodiscard]] Environment process_environment();

/// A policy, or every problem of the file (never only the first). Warnings do not make it unusable.
struct Loaded {
  std::shared_ptr<const Policy> policy;  ///< null when there are problems
  std::vector<Problem> problems;
  std::vector<Problem> warnings;
};

/// Pure apart from the environment. Relative paths inside the file are resolved against `file`'s folder.
[[nodiscard]] Loaded parse_policy(std::string_view yaml, const std::filesystem::path& file, const Environment& environment);
[[nodiscard]] Loaded load_policy(const std::filesystem::path& file, const Environment& environment);

/// Any thread. current() is a lock-free-for-practical-purposes pointer copy; a request takes it once and keeps it.
class PolicyStore {
 public:
  /// PolicyInvalid with all problems in the message (one a line) when the first load fails.
  static Result<std::unique_ptr<PolicyStore>> open(std::filesystem::path file, Environment environment);

  [[nodiscard]] std::shared_ptr<const Policy> current() const;
  /// Reads the file again. On problems the old snapshot stays and the Error lists them. Returns the version now current.
  Result<std::string> reload();
  /// True when the file's content differs from what was last read (accepted or not); cheap (mtime, inode and size first).
  [[nodiscard]] bool changed_on_disk() const;

 private:
  PolicyStore(std::filesystem::path file, Environment environment);
  std::filesystem::path file_;
  Environment environment_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Policy> current_;
  std::string seen_stamp_;
};

}  // namespace suffice::policy
