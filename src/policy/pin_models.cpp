#include "policy/pin_models.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "policy/fields.hpp"
#include "policy/yaml_document.hpp"

namespace suffice::policy {
namespace {

constexpr std::size_t kDigestDigits = 64;

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

struct Edit {
  std::size_t at = 0;
  std::size_t removed = 0;
  std::string text;
};

std::size_t line_begin(std::string_view yaml, int line) {
  std::size_t at = 0;
  for (int i = 1; i < line && at < yaml.size(); ++i) at = std::min(yaml.find('\n', at), yaml.size() - 1) + 1;
  return at;
}

/// The 64 digits on this line, from `from` on.
std::size_t digits_at(std::string_view yaml, std::size_t from) {
  const std::size_t end = std::min(yaml.find('\n', from), yaml.size());
  for (std::size_t at = from; at + kDigestDigits <= end; ++at) {
    if (std::ranges::all_of(yaml.substr(at, kDigestDigits), is_hex)) return at;
  }
  return std::string_view::npos;
}

std::unexpected<Error> by_hand(const std::string& where, const std::string& digest) {
  return fail(ErrorCode::PolicyInvalid, "this place must be edited by hand: write sha256: " + digest, where);
}

std::size_t offset_of(std::string_view yaml, const Place& place) {
  return line_begin(yaml, place.line) + static_cast<std::size_t>(place.column) - 1;
}

/// What is to be pinned: a mapping that names a file under `file_key`.
struct Subject {
  Pointer at;
  std::string where;  ///< for people
  std::string_view file_key;
};

Result<Edit> edit_for(std::string_view yaml, const YamlDocument& document, const Subject& subject, const Fields& fields,
                      const std::string& digest) {
  if (fields.has("sha256")) {
    const std::size_t digits = digits_at(yaml, offset_of(yaml, document.value_place(child(subject.at, "sha256"))));
    if (digits == std::string_view::npos) return by_hand(subject.where, digest);
    return Edit{.at = digits, .removed = kDigestDigits, .text = digest};
  }
  const Place key = document.key_place(child(subject.at, subject.file_key));
  const std::size_t begin = line_begin(yaml, key.line);
  const std::size_t column = offset_of(yaml, key);
  const std::string_view before = yaml.substr(begin, column - begin);
  if (!std::ranges::all_of(before, [](char c) { return c == ' '; })) {
    return Edit{.at = column, .removed = 0, .text = "sha256: " + digest + ", "};
  }
  const std::size_t end = yaml.find('\n', begin);
  const std::string line = std::string(before) + "sha256: " + digest;
  if (end == std::string_view::npos) return Edit{.at = yaml.size(), .removed = 0, .text = "\n" + line};
  return Edit{.at = end + 1, .removed = 0, .text = line + "\n"};
}

Result<Edit> edit_for_model(std::string_view yaml, const YamlDocument& document, const std::string& model,
                            const std::string& digest) {
  const Subject subject{.at = child("/models", model), .where = "models." + model, .file_key = "model"};
  const Fields fields = Fields(&document.root()).below("models").below(model);
  if (!fields.has("model")) return fail(ErrorCode::PolicyInvalid, "the policy has no such model", subject.where);
  return edit_for(yaml, document, subject, fields, digest);
}

Result<Edit> edit_for_adapter(std::string_view yaml, const YamlDocument& document, const std::string& model,
                              const std::string& adapter, const std::string& digest) {
  const Subject subject{.at = child(child(child("/models", model), "adapters"), adapter),
                        .where = "models." + model + ".adapters." + adapter,
                        .file_key = "file"};
  const Fields adapters = Fields(&document.root()).below("models").below(model).below("adapters");
  if (!adapters.has(adapter)) return fail(ErrorCode::PolicyInvalid, "the policy has no such adapter", subject.where);
  if (!adapters.find(adapter)->is_string()) return edit_for(yaml, document, subject, adapters.below(adapter), digest);
  const std::size_t at = offset_of(yaml, document.value_place(subject.at));
  std::string written = adapters.text(adapter);
  if (at < yaml.size() && (yaml[at] == '"' || yaml[at] == '\'')) written = yaml[at] + written + yaml[at];
  if (!yaml.substr(std::min(at, yaml.size())).starts_with(written)) return by_hand(subject.where, digest);
  return Edit{.at = at, .removed = written.size(), .text = "{file: " + written + ", sha256: " + digest + "}"};
}

}  // namespace

Result<std::string> with_pinned_models(std::string_view yaml, const std::map<std::string, std::string>& digest_of_model,
                                       const AdapterDigests& digest_of_adapter) {
  std::vector<Problem> problems;
  const YamlDocument document = YamlDocument::parse(yaml, "", problems);
  if (!problems.empty()) return fail(ErrorCode::PolicyInvalid, to_lines(problems));
  std::vector<Edit> edits;
  for (const auto& [model, digest] : digest_of_model) {
    SUFFICE_TRY(Edit edit, edit_for_model(yaml, document, model, digest));
    edits.push_back(std::move(edit));
  }
  for (const auto& [place, digest] : digest_of_adapter) {
    SUFFICE_TRY(Edit edit, edit_for_adapter(yaml, document, place.first, place.second, digest));
    edits.push_back(std::move(edit));
  }
  std::ranges::sort(edits, std::ranges::greater{}, &Edit::at);
  std::string pinned(yaml);
  for (const Edit& edit : edits) pinned.replace(edit.at, edit.removed, edit.text);
  // YAML has more ways to write a mapping than are handled above: what comes out must say what was meant.
  const YamlDocument after = YamlDocument::parse(pinned, "", problems);
  for (const auto& [model, digest] : digest_of_model) {
    if (!problems.empty() || Fields(&after.root()).below("models").below(model).text("sha256") != digest)
      return by_hand("models." + model, digest);
  }
  for (const auto& [place, digest] : digest_of_adapter) {
    const auto& [model, adapter] = place;
    const Fields now = Fields(&after.root()).below("models").below(model).below("adapters").below(adapter);
    const Fields adapters = Fields(&document.root()).below("models").below(model).below("adapters");
    const std::string file =
        adapters.find(adapter)->is_string() ? adapters.text(adapter) : adapters.below(adapter).text("file");
    if (!problems.empty() || now.text("sha256") != digest || now.text("file") != file)
      return by_hand("models." + model + ".adapters." + adapter, digest);
  }
  return pinned;
}

}  // namespace suffice::policy
