#pragma once
// PolicyStore: the current policy, and how a new one takes its place.

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "policy/policy.hpp"
#include "policy/problem.hpp"

namespace suffice::policy {

/// Environment as a value, so that tests choose it. Looks up a variable; nothing when unset or empty.
using Environment = std::function<std::optional<std::string>(std::string_view)>;
[[nodiscard]] Environment process_environment();

/// A policy, or every problem of the file (never only the first). Warnings do not make it unusable.
struct Loaded {
  std::shared_ptr<const Policy> policy;  ///< null when there are problems
  std::vector<Problem> problems;
  std::vector<Problem> warnings;
};

/// Pure apart from the environment and from looking whether `api_key: {file: ...}` files exist. Relative paths inside
/// the file are resolved against `file`'s folder.
[[nodiscard]] Loaded parse_policy(std::string_view yaml, const std::filesystem::path& file,
                                  const Environment& environment);
/// Reads `file`, parses it, and looks whether the prompt files (else a problem), models and recordings (else a
/// warning) that it names exist.
[[nodiscard]] Loaded load_policy(const std::filesystem::path& file, const Environment& environment);
/// The same, of a text that has been read.
[[nodiscard]] Loaded load_policy_text(std::string_view yaml, const std::filesystem::path& file,
                                      const Environment& environment);

/// Any thread. current() is a lock-free-for-practical-purposes pointer copy; a request takes it once and keeps it.
class PolicyStore {
 public:
  /// PolicyInvalid with all problems in the message (one a line) when the first load fails.
  static Result<std::unique_ptr<PolicyStore>> open(std::filesystem::path file, Environment environment);

  [[nodiscard]] std::shared_ptr<const Policy> current() const;
  /// Warnings of the load that made the current snapshot.
  [[nodiscard]] std::vector<Problem> warnings() const;
  /// Reads the file again. On problems the old snapshot stays and the Error lists them. Returns the version now current.
  Result<std::string> reload();
  /// True when the file's content differs from what was last read (accepted or not); cheap (mtime, inode and size first).
  /// A file that is gone has not changed: an editor that replaces it brings it back.
  [[nodiscard]] bool changed_on_disk() const;

 private:
  PolicyStore(std::filesystem::path file, Environment environment);

  const std::filesystem::path file_;
  const Environment environment_;
  std::mutex reload_mutex_;   ///< one reload at a time, so that an older read never replaces a newer one
  mutable std::mutex mutex_;  ///< the members below
  std::shared_ptr<const Policy> current_;
  std::vector<Problem> warnings_;
  mutable std::string seen_stamp_;  ///< mtime, inode and size of what was last read or compared
  std::string seen_digest_;
};

}  // namespace suffice::policy
