#include "prompts/prompt_lock.hpp"

#include <fstream>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

#include "core/text.hpp"
#include "policy/read_file.hpp"

namespace suffice::prompts {

using policy::Problem;

namespace {

constexpr std::size_t kLockBytesMax = 1U << 20;
constexpr std::size_t kDigestChars = 64;
constexpr std::string_view kHead =
    "# What each shipped version of a prompt was. Made by `suffice prompts lock`; lines are added, never changed.\n";

bool is_digest(std::string_view text) {
  return text.size() == kDigestChars && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

PromptLock PromptLock::load(const std::filesystem::path& folder, std::vector<Problem>& problems) {
  PromptLock lock;
  lock.file_ = folder / "prompts.lock";
  std::error_code error;
  if (!std::filesystem::exists(lock.file_, error)) return lock;
  const Result<std::string> text = policy::read_file(lock.file_, kLockBytesMax);
  if (!text) {
    problems.push_back({lock.file_.string(), 0, 0, "", text.error().message});
    return lock;
  }
  std::istringstream lines(*text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::string_view entry = trim(line);
    if (entry.empty() || entry.starts_with('#')) continue;
    const auto space = entry.find(' ');
    const std::string_view digest = space == std::string_view::npos ? "" : entry.substr(space + 1);
    if (!is_digest(digest)) {
      problems.push_back({lock.file_.string(), number, 1, "", "not a line NAME@VERSION DIGEST"});
    } else if (!lock.digests_.emplace(entry.substr(0, space), digest).second) {
      problems.push_back({lock.file_.string(), number, 1, "", "the same version as an earlier line"});
    }
  }
  return lock;
}

void PromptLock::check(const std::map<std::string, std::shared_ptr<const Prompt>, std::less<>>& prompts,
                       std::vector<Problem>& problems) const {
  for (const auto& [reference, digest] : digests_) {
    const auto found = prompts.find(reference);
    if (found == prompts.end()) {
      problems.push_back(
          {file_.string(), 0, 0, "",
           fmt::format("{} was shipped and is gone; audit events may name it: restore its file", reference)});
    } else if (found->second->digest != digest) {
      problems.push_back({found->second->file.string(), 0, 0, "",
                          fmt::format("{} was shipped (prompts.lock) and has changed since; restore it and write the "
                                      "change as a new version, {}.yaml",
                                      reference, found->second->version + 1)});
    }
  }
}

Result<void> PromptLock::save() const {
  std::string text(kHead);
  for (const auto& [reference, digest] : digests_) text += fmt::format("{} {}\n", reference, digest);
  const std::filesystem::path next = file_.string() + ".new";
  {
    std::ofstream out(next, std::ios::binary | std::ios::trunc);
    out << text;
    if (!out.flush()) return fail(ErrorCode::IoFailed, "cannot write the lock", next.string());
  }
  std::error_code error;
  std::filesystem::rename(next, file_, error);
  if (error) return fail(ErrorCode::IoFailed, "cannot replace the lock: " + error.message(), file_.string());
  return {};
}

}  // namespace suffice::prompts
