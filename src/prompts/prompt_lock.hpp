#pragma once
// prompts.lock: what each shipped version of a prompt was, so that it can never quietly become something else.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "policy/problem.hpp"
#include "prompts/prompt.hpp"

namespace suffice::prompts {

/// The digests of the shipped versions of one folder of prompts.
///
/// The file is text, UTF-8: lines "NAME@VERSION DIGEST", sorted; blank lines and lines that begin with # are skipped.
/// Stored and reviewed: a line is added, never changed.
class PromptLock {
 public:
  /// FOLDER/prompts.lock; an empty lock when there is none. Problems of the file are appended.
  static PromptLock load(const std::filesystem::path& folder, std::vector<policy::Problem>& problems);

  /// What is wrong with `prompts` (those of the lock's folder): versions that differ from what was shipped, and shipped
  /// versions that are gone, which audit events may name. Versions that are not in the lock are drafts.
  void check(const std::map<std::string, std::shared_ptr<const Prompt>, std::less<>>& prompts,
             std::vector<policy::Problem>& problems) const;

  [[nodiscard]] bool holds(std::string_view reference) const { return digests_.find(reference) != digests_.end(); }
  /// Adds a version that is not there yet; leaves the others.
  void add(const Prompt& prompt) { digests_.emplace(prompt.reference(), prompt.digest); }
  [[nodiscard]] Result<void> save() const;
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
  std::map<std::string, std::string, std::less<>> digests_;
};

}  // namespace suffice::prompts
