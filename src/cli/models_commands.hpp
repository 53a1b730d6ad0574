#pragma once
// What the subcommands of `suffice models` share.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "cli/command.hpp"
#include "models/gguf.hpp"
#include "models/model_store.hpp"
#include "policy/policy.hpp"

namespace suffice::cli {

void add_models_list(CLI::App& models, Command& chosen);
void add_models_add(CLI::App& models, Command& chosen);
void add_models_show(CLI::App& models, Command& chosen);
void add_models_verify(CLI::App& models, Command& chosen);
void add_models_remove(CLI::App& models, Command& chosen);
void add_models_pull(CLI::App& models, Command& chosen);
void add_models_pin(CLI::App& models, Command& chosen);

/// The rows of `suffice models`, as JSON or a table; the exit code when the policy cannot be read.
Exit list_policy_models(const std::string& policy, bool as_json);

/// --store DIR, or the default folder.
[[nodiscard]] Result<models::ModelStore> open_store(const std::string& given);
inline constexpr const char* kStoreHelp =
    "Folder of the model store [$SUFFICE_MODEL_STORE or $XDG_DATA_HOME/suffice/models]";

/// "12.3 MB", in powers of 1000 as disks and networks count.
[[nodiscard]] std::string bytes_in_words(std::uint64_t bytes);
/// `text` without the control characters that a file could steer a terminal with, at most `chars_max` bytes.
[[nodiscard]] std::string printable(std::string_view text, std::size_t chars_max = 200);

/// A bar on standard error when that is a terminal, else nothing. Draws at most ten times a second.
class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  /// `total` 0: not known.
  void show(std::uint64_t done, std::uint64_t total);
  /// Replaces the words before the bar.
  void say(std::string what) { what_ = std::move(what); }

 private:
  std::string what_;
  bool terminal_;
  bool drawn_ = false;
  SteadyTime began_;
  SteadyTime last_;
  std::uint64_t first_done_ = 0;
};

/// While one lives, Ctrl-C is noted instead of ending the program. One at a time.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  [[nodiscard]] static bool interrupted();
};

}  // namespace suffice::cli
