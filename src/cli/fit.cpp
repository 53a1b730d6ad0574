// suffice fit: learns from labelled data.

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/fit_commands.hpp"

namespace suffice::cli {
namespace {

std::atomic<bool> stop_asked{false};

}  // namespace

InterruptGuard::InterruptGuard() {
  stop_asked = false;
  before_ = std::signal(SIGINT, [](int) {
    stop_asked = true;
    std::signal(SIGINT, SIG_DFL);
  });
}

InterruptGuard::~InterruptGuard() { std::signal(SIGINT, before_); }

bool InterruptGuard::interrupted() { return stop_asked; }

Result<void> write_whole_file(const std::string& file, const std::string& bytes) {
  const std::string part = file + ".part";
  {
    std::ofstream out(part, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) return fail(ErrorCode::IoFailed, "cannot be written; does its folder exist?", part);
  }
  if (std::rename(part.c_str(), file.c_str()) != 0) return fail(ErrorCode::IoFailed, "cannot be replaced", file);
  return {};
}

void add_fit(CLI::App& program, Command& chosen) {
  CLI::App* command = program.add_subcommand("fit", "Learn small models and thresholds from labelled data");
  command->require_subcommand(1);
  add_fit_classifier(*command, chosen);
  add_fit_router(*command, chosen);
  add_fit_ladder(*command, chosen);
  add_fit_calibrator(*command, chosen);
  add_fit_threshold(*command, chosen);
}

}  // namespace suffice::cli
