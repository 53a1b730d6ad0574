#pragma once
// The subcommands of `suffice fit`, and what they share.

#include <string>

#include "cli/command.hpp"

namespace suffice::cli {

void add_fit_classifier(CLI::App& fit_command, Command& chosen);
void add_fit_router(CLI::App& fit_command, Command& chosen);
void add_fit_ladder(CLI::App& fit_command, Command& chosen);
void add_fit_calibrator(CLI::App& fit_command, Command& chosen);
void add_fit_threshold(CLI::App& fit_command, Command& chosen);

/// While it lives, Ctrl-C stops what asks interrupted(), and a second one ends the program. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// Whether Ctrl-C was pressed since the last guard was made.
  [[nodiscard]] static bool interrupted();

 private:
  void (*before_)(int);
};

/// Whole or not at all: a reader never sees half a file. IoFailed.
[[nodiscard]] Result<void> write_whole_file(const std::string& file, const std::string& bytes);

}  // namespace suffice::cli
