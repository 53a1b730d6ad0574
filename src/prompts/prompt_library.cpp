// Reads the prompt files of some folders.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "policy/read_file.hpp"
#include "prompts/prompt.hpp"
#include "prompts/prompt_lock.hpp"
#include "prompts/prompt_reader.hpp"

namespace suffice::prompts {

namespace fs = std::filesystem;
using policy::Problem;

namespace {

constexpr std::size_t kFileBytesMax = 256U << 10;

/// FOLDER/*/*.yaml, sorted, so that problems come in the same order everywhere.
std::vector<fs::path> prompt_files(const fs::path& folder, std::vector<Problem>& problems) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& name : fs::directory_iterator(folder, error)) {
    if (!name.is_directory(error)) continue;
    for (const auto& file : fs::directory_iterator(name.path(), error)) {
      if (file.path().extension() == ".yaml") files.push_back(file.path());
    }
  }
  if (!fs::is_directory(folder, error)) problems.push_back({folder.string(), 0, 0, "", "no such folder of prompts"});
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<PromptLibrary> PromptLibrary::load(const std::vector<fs::path>& folders) {
  PromptLibrary library;
  std::vector<Problem> problems;
  for (const fs::path& folder : folders) {
    const std::size_t before = problems.size();
    std::map<std::string, std::shared_ptr<const Prompt>, std::less<>> here;
    for (const fs::path& file : prompt_files(folder, problems)) {
      const Result<std::string> yaml = policy::read_file(file, kFileBytesMax);
      if (!yaml) {
        problems.push_back({file.string(), 0, 0, "", yaml.error().message});
        continue;
      }
      const std::shared_ptr<const Prompt> prompt = read_prompt(*yaml, file, problems);
      if (prompt == nullptr) continue;
      here.emplace(prompt->reference(), prompt);
      if (!library.prompts_.emplace(prompt->reference(), prompt).second) {
        problems.push_back(
            {file.string(), 0, 0, "", fmt::format("{} is also in an earlier folder", prompt->reference())});
      }
    }
    const PromptLock lock = PromptLock::load(folder, problems);
    if (problems.size() == before) lock.check(here, problems);  // a file that cannot be read is not "gone"
  }
  if (!problems.empty()) return fail(ErrorCode::PolicyInvalid, policy::to_lines(problems));
  return library;
}

std::shared_ptr<const Prompt> PromptLibrary::find(std::string_view reference) const {
  const auto found = prompts_.find(reference);
  return found == prompts_.end() ? nullptr : found->second;
}

std::vector<std::string> PromptLibrary::references() const {
  std::vector<std::string> result;
  for (const auto& entry : prompts_) result.push_back(entry.first);
  return result;
}

}  // namespace suffice::prompts
