#include "policy/prompt_files.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "policy/problem.hpp"

namespace suffice::policy {

namespace {

/// name@version of every file NAME/VERSION.yaml, in the order of names.
std::vector<std::string> references_in(const std::filesystem::path& folder) {
  std::vector<std::string> references;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!entry.is_directory(error)) continue;
    for (const auto& file : std::filesystem::directory_iterator(entry.path(), error)) {
      if (file.path().extension() != ".yaml") continue;
      references.push_back(entry.path().filename().string() + "@" + file.path().stem().string());
    }
  }
  std::ranges::sort(references);
  return references;
}

}  // namespace

std::filesystem::path prompt_file(const std::filesystem::path& folder, const std::string& reference) {
  const auto at = reference.find('@');
  return folder / reference.substr(0, at) / (reference.substr(std::min(at, reference.size() - 1) + 1) + ".yaml");
}

std::optional<std::string> missing_prompt(const std::vector<std::string>& folders, const std::string& reference) {
  std::error_code error;
  std::vector<std::string> known;
  for (const std::string& folder : folders) {
    if (std::filesystem::is_regular_file(prompt_file(folder, reference), error)) return std::nullopt;
    std::ranges::copy(references_in(folder), std::back_inserter(known));
  }
  return fmt::format("no prompt file {}{}", prompt_file(folders.empty() ? "" : folders.front(), reference).string(),
                     did_you_mean(reference, known));
}

}  // namespace suffice::policy
