#pragma once
// ModelStore: the model files a user has taken in, each once, found by name. The list of what may be loaded, too.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "models/gguf.hpp"
#include "models/model_file.hpp"

namespace suffice::models {

/// One name in the store.
struct StoredModel {
  std::string name;
  std::string sha256;  ///< of the file, 64 hex digits: what is stored, and what may be loaded
  std::uint64_t bytes = 0;
  std::string source;  ///< the path or the hub's file it came from; empty when not known
  std::string added;   ///< RFC 3339, UTC
  bool operator==(const StoredModel&) const = default;
};

/// What a new entry is called and where it came from.
struct NewModel {
  std::string name;
  std::string source;
};

/// What verify() found out about one entry.
struct Verdict {
  StoredModel model;
  std::string problem;  ///< empty: the file is what it was
};

/// A folder:
///
///     index.json         {"format": 1, "models": [{"name", "sha256", "bytes", "source", "added"}, ...]}, ordered by name
///     blobs/HEX.gguf     the files, named by their SHA-256, read-only
///     partial/           downloads that have not ended (pull.hpp)
///     lock               held (flock) while the index is changed
///
/// The index is written beside and renamed over, and a blob gets its name only once it is whole and on the disk: a crash leaves the
/// old state. Several processes may use one store. A name keeps its content for ever; another content needs another name.
class ModelStore {
 public:
  /// An empty `folder` is a store that has nothing and takes nothing.
  explicit ModelStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  /// Every entry, ordered by name; none when there is no store yet. ConfigInvalid when the index cannot be understood.
  [[nodiscard]] Result<std::vector<StoredModel>> list() const;
  /// NotFound says which names there are.
  [[nodiscard]] Result<StoredModel> find(std::string_view name) const;
  /// Whether some entry has this digest.
  [[nodiscard]] Result<bool> holds(std::string_view sha256) const;
  [[nodiscard]] std::filesystem::path blob(std::string_view sha256) const;

  /// Copies a GGUF in under a name. The same content under the same name again is no error. ModelInvalid: not a GGUF;
  /// InvalidArgument: a bad or taken name; IoFailed: no space; Cancelled: `progress` said so.
  [[nodiscard]] Result<StoredModel> add(const std::string& file, const NewModel& entry, const Clock& clock,
                                        const Progress& progress = {}) const;
  /// Moves a whole file in that lies in this store's folder already (a finished download); its digest is known.
  [[nodiscard]] Result<StoredModel> adopt(const std::filesystem::path& file, const std::string& sha256,
                                          const NewModel& entry, const Clock& clock) const;
  /// Takes the name away, and the file with the last name that has it.
  [[nodiscard]] Result<StoredModel> remove(std::string_view name) const;
  /// Reads one file again, from its first to its last byte.
  [[nodiscard]] Verdict verify(const StoredModel& model, const Progress& progress = {}) const;

  /// Where a download is kept until it is whole; made when missing.
  [[nodiscard]] Result<std::filesystem::path> partial_folder() const;

 private:
  Result<void> make_folders() const;
  using Edit = std::function<Result<void>(std::vector<StoredModel>&)>;
  using Step = std::function<Result<void>()>;
  Result<void> change(const Edit& edit, const Step& after) const;
  Result<StoredModel> enter(StoredModel entered, const Step& place_blob) const;

  std::filesystem::path folder_;
};

/// 1 to 64 letters, digits, '_', '-' and '.', the first no sign. InvalidArgument says so.
[[nodiscard]] Result<void> check_model_name(std::string_view name);
/// A name made of a file's: "My Model (1).gguf" gives "my-model-1".
[[nodiscard]] std::string model_name_from(std::string_view file);
/// $SUFFICE_MODEL_STORE, else $XDG_DATA_HOME/suffice/models, else ~/.local/share/suffice/models (XDG base directory
/// specification 0.8). ConfigInvalid when none of them is set.
[[nodiscard]] Result<std::filesystem::path> default_store_folder(
    const std::function<std::optional<std::string>(std::string_view)>& environment);

}  // namespace suffice::models
