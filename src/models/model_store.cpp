#include "models/model_store.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/hash.hpp"
#include "models/store_files.hpp"
#include "wire/json.hpp"

namespace suffice::models {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kIndexBytesMax = 8UL << 20U;

std::unexpected<Error> index_damaged(const fs::path& file, const std::string& what) {
  return fail(ErrorCode::ConfigInvalid,
              "the model store's index " + what + "; restore it, or delete it and add the files of blobs/ again",
              file.string());
}

std::optional<StoredModel> read_entry(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return std::nullopt;
  const auto text = [object](std::string_view key) -> std::optional<std::string> {
    const json::value* found = object->if_contains(key);
    if (found == nullptr || !found->is_string()) return std::nullopt;
    return std::string(found->get_string());
  };
  const json::value* bytes = object->if_contains("bytes");
  const auto name = text("name");
  const auto sha256 = text("sha256");
  if (!name || !check_model_name(*name) || !sha256 || !is_sha256(*sha256)) return std::nullopt;
  if (bytes == nullptr || !bytes->is_number()) return std::nullopt;
  boost::system::error_code error;
  const auto size = bytes->to_number<std::uint64_t>(error);
  if (error) return std::nullopt;
  return StoredModel{.name = *name,
                     .sha256 = *sha256,
                     .bytes = size,
                     .source = text("source").value_or(""),
                     .added = text("added").value_or("")};
}

std::string index_text(const std::vector<StoredModel>& models) {
  // One entry a line: people and version control read it.
  std::string text = "{\"format\": 1, \"models\": [";
  for (std::size_t i = 0; i < models.size(); ++i) {
    const StoredModel& model = models[i];
    const json::object entry{{"name", model.name},
                             {"sha256", model.sha256},
                             {"bytes", model.bytes},
                             {"source", model.source},
                             {"added", model.added}};
    text += (i == 0 ? "\n  " : ",\n  ") + json::serialize(entry);
  }
  return text + "\n]}\n";
}

std::string utc_now(const Clock& clock) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(clock.wall_now());
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(seconds - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

}  // namespace

Result<void> check_model_name(std::string_view name) {
  const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; };
  if (!name.empty() && name.size() <= kNameBytesMax && std::isalnum(static_cast<unsigned char>(name.front())) != 0 &&
      std::ranges::all_of(name, good))
    return {};
  return fail(ErrorCode::InvalidArgument,
              "a model's name is 1 to 64 letters, digits, '_', '-' and '.', and begins with a letter or digit", "name");
}

std::string model_name_from(std::string_view file) {
  std::string stem = fs::path(file).filename().string();
  if (stem.ends_with(".gguf")) stem.resize(stem.size() - 5);
  std::string name;
  for (const char c : stem) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '_' || c == '.') {
      name += static_cast<char>(std::tolower(byte));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  name.resize(std::min(name.size(), kNameBytesMax));
  while (!name.empty() && name.back() == '-') name.pop_back();
  while (!name.empty() && std::isalnum(static_cast<unsigned char>(name.front())) == 0) name.erase(0, 1);
  return name.empty() ? "model" : name;
}

Result<fs::path> default_store_folder(const std::function<std::optional<std::string>(std::string_view)>& environment) {
  if (const auto given = environment("SUFFICE_MODEL_STORE")) return fs::path(*given);
  if (const auto data = environment("XDG_DATA_HOME")) return fs::path(*data) / "suffice" / "models";
  if (const auto home = environment("HOME")) return fs::path(*home) / ".local" / "share" / "suffice" / "models";
  return fail(ErrorCode::ConfigInvalid,
              "none of SUFFICE_MODEL_STORE, XDG_DATA_HOME and HOME is set; say where models are kept with --store DIR",
              "--store");
}

fs::path ModelStore::blob(std::string_view sha256) const { return folder_ / "blobs" / (std::string(sha256) + ".gguf"); }

Result<fs::path> ModelStore::partial_folder() const {
  SUFFICE_TRY_VOID(make_folders());
  return folder_ / "partial";
}

Result<void> ModelStore::make_folders() const {
  if (folder_.empty())
    return fail(ErrorCode::ConfigInvalid, "there is no model store; name one with --store DIR", "--store");
  for (const char* name : {"blobs", "partial"}) {
    std::error_code error;
    fs::create_directories(folder_ / name, error);
    if (error) {
      return fail(ErrorCode::ConfigInvalid,
                  "cannot make the model store (" + error.message() + "); choose another folder with --store DIR",
                  folder_.string());
    }
  }
  return {};
}

Result<std::vector<StoredModel>> ModelStore::list() const {
  if (folder_.empty()) return std::vector<StoredModel>{};
  const fs::path file = folder_ / "index.json";
  SUFFICE_TRY(const std::optional<std::string> text, read_if_there(file, kIndexBytesMax));
  if (!text) return std::vector<StoredModel>{};
  const Result<json::value> parsed = wire::parse_json(*text);
  const json::object* root = parsed ? parsed->if_object() : nullptr;
  const json::value* format = root != nullptr ? root->if_contains("format") : nullptr;
  const json::value* entries = root != nullptr ? root->if_contains("models") : nullptr;
  if (format == nullptr || entries == nullptr || !entries->is_array()) return index_damaged(file, "cannot be read");
  if (*format != 1) return index_damaged(file, "was written by a newer version");
  std::vector<StoredModel> models;
  for (const json::value& value : entries->get_array()) {
    std::optional<StoredModel> model = read_entry(value);
    if (!model) return index_damaged(file, "has an entry that cannot be read");
    models.push_back(*std::move(model));
  }
  std::ranges::sort(models, {}, &StoredModel::name);
  return models;
}

Result<StoredModel> ModelStore::find(std::string_view name) const {
  SUFFICE_TRY(const std::vector<StoredModel> models, list());
  const auto found = std::ranges::find(models, name, &StoredModel::name);
  if (found != models.end()) return *found;
  std::vector<std::string> names;
  for (const StoredModel& model : models) names.push_back(model.name);
  return fail(ErrorCode::NotFound,
              names.empty() ? "the model store is empty; fill it with `suffice models add FILE`"
                            : fmt::format("the model store has no such name; it has {}", fmt::join(names, ", ")),
              std::string(name));
}

Result<bool> ModelStore::holds(std::string_view sha256) const {
  SUFFICE_TRY(const std::vector<StoredModel> models, list());
  return std::ranges::find(models, sha256, &StoredModel::sha256) != models.end();
}

/// Reads, edits and writes the index, and takes the step that belongs to it, while no other process may.
Result<void> ModelStore::change(const Edit& edit, const Step& after) const {
  SUFFICE_TRY_VOID(make_folders());
  SUFFICE_TRY(const FileLock lock, FileLock::wait(folder_ / "lock"));
  SUFFICE_TRY(std::vector<StoredModel> models, list());
  SUFFICE_TRY_VOID(edit(models));
  std::ranges::sort(models, {}, &StoredModel::name);
  SUFFICE_TRY_VOID(write_whole(folder_ / "index.json", index_text(models)));
  return after();
}

/// The blob first: a crash in between leaves a file too many, never an entry without its file.
Result<StoredModel> ModelStore::enter(StoredModel entered, const Step& place_blob) const {
  const auto edit = [&](std::vector<StoredModel>& models) -> Result<void> {
    const auto known = std::ranges::find(models, entered.name, &StoredModel::name);
    if (known != models.end() && known->sha256 != entered.sha256) {
      return fail(ErrorCode::InvalidArgument,
                  "the name already stands for another file, and a name never changes its content; choose another with "
                  "--name, or remove the old one first",
                  entered.name);
    }
    SUFFICE_TRY_VOID(place_blob());
    if (known == models.end()) {
      models.push_back(entered);
    } else {
      entered = *known;
    }
    return {};
  };
  SUFFICE_TRY_VOID(change(edit, [] { return Result<void>(); }));
  return entered;
}

Result<StoredModel> ModelStore::add(const std::string& file, const NewModel& entry, const Clock& clock,
                                    const Progress& progress) const {
  SUFFICE_TRY_VOID(check_model_name(entry.name));
  SUFFICE_TRY_VOID(read_gguf_file(file));
  SUFFICE_TRY(const ModelFile source, ModelFile::open(file));
  SUFFICE_TRY_VOID(make_folders());
  SUFFICE_TRY(CopiedFile copy, CopiedFile::of(source, folder_ / "blobs", progress));
  SUFFICE_TRY_VOID(read_gguf_file(copy.path().string()));  // what was copied, not what was looked at before
  StoredModel entered{.name = entry.name,
                      .sha256 = copy.sha256(),
                      .bytes = copy.bytes(),
                      .source = entry.source,
                      .added = utc_now(clock)};
  return enter(std::move(entered), [&] { return copy.keep_as(blob(copy.sha256())); });
}

Result<StoredModel> ModelStore::adopt(const fs::path& file, const std::string& sha256, const NewModel& entry,
                                      const Clock& clock) const {
  SUFFICE_TRY_VOID(check_model_name(entry.name));
  SUFFICE_TRY(const GgufHeader header, read_gguf_file(file.string()));
  StoredModel entered{.name = entry.name,
                      .sha256 = sha256,
                      .bytes = header.file_bytes,
                      .source = entry.source,
                      .added = utc_now(clock)};
  const auto place = [&]() -> Result<void> {
    std::error_code error;
    fs::permissions(file, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read, error);
    if (error) return fail(ErrorCode::IoFailed, error.message(), file.string());
    return rename_for_good(file, blob(sha256));
  };
  return enter(std::move(entered), place);
}

Result<StoredModel> ModelStore::remove(std::string_view name) const {
  SUFFICE_TRY_VOID(find(name));
  StoredModel removed;
  bool last = false;
  const auto edit = [&](std::vector<StoredModel>& models) -> Result<void> {
    const auto found = std::ranges::find(models, name, &StoredModel::name);
    if (found == models.end()) return fail(ErrorCode::NotFound, "somebody else removed it", std::string(name));
    removed = *found;
    models.erase(found);
    last = std::ranges::find(models, removed.sha256, &StoredModel::sha256) == models.end();
    return {};
  };
  const auto remove_blob = [&]() -> Result<void> {
    std::error_code error;
    if (last) fs::remove(blob(removed.sha256), error);
    if (error) return fail(ErrorCode::IoFailed, error.message(), blob(removed.sha256).string());
    return {};
  };
  SUFFICE_TRY_VOID(change(edit, remove_blob));
  return removed;
}

Verdict ModelStore::verify(const StoredModel& model, const Progress& progress) const {
  const auto found = [&](std::string problem) { return Verdict{.model = model, .problem = std::move(problem)}; };
  const Result<ModelFile> file = ModelFile::open(blob(model.sha256).string());
  if (!file) return found(file.error().message);
  if (file->size() != model.bytes) return found(fmt::format("has {} bytes instead of {}", file->size(), model.bytes));
  const Result<std::string> digest = digest_of(*file, progress);
  if (!digest) return found(digest.error().message);
  if (*digest != model.sha256) return found("its bytes have changed: SHA-256 is " + *digest);
  return found({});
}

}  // namespace suffice::models
