#include "cli/models_commands.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <unistd.h>

#include <fmt/format.h>

#include "policy/policy_store.hpp"

namespace suffice::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr int kBarWidth = 24;

volatile std::sig_atomic_t interrupt_seen = 0;

void note_interrupt(int) { interrupt_seen = 1; }

}  // namespace

Result<models::ModelStore> open_store(const std::string& given) {
  if (!given.empty()) return models::ModelStore(given);
  SUFFICE_TRY(const std::filesystem::path folder, models::default_store_folder(policy::process_environment()));
  return models::ModelStore(folder);
}

std::string bytes_in_words(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string printable(std::string_view text, std::size_t chars_max) {
  std::string out(text.substr(0, chars_max));
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return text.size() > chars_max ? out + "..." : out;
}

ProgressBar::ProgressBar(std::string what)
    : what_(std::move(what)), terminal_(::isatty(STDERR_FILENO) == 1), began_(std::chrono::steady_clock::now()) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::show(std::uint64_t done, std::uint64_t total) {
  if (!terminal_) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!drawn_) first_done_ = done;  // what an earlier pull fetched says nothing about the speed of this one
  if (drawn_ && now - last_ < kRedraw && done != total) return;
  last_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - began_).count();
  const double rate = seconds > 0 ? static_cast<double>(done - std::min(done, first_done_)) / seconds : 0;
  std::string line = fmt::format("\r{} ", what_);
  if (total > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const int full = static_cast<int>(share * kBarWidth);
    line += fmt::format("[{:#<{}}{:-<{}}] {:3.0f} %  {} of {}", "", full, "", kBarWidth - full, 100 * share,
                        bytes_in_words(done), bytes_in_words(total));
  } else {
    line += bytes_in_words(done);
  }
  line += fmt::format("  {}/s\x1b[K", bytes_in_words(static_cast<std::uint64_t>(rate)));
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

InterruptWatch::InterruptWatch() {
  interrupt_seen = 0;
  struct sigaction action{};
  action.sa_handler = note_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
}

InterruptWatch::~InterruptWatch() { static_cast<void>(std::signal(SIGINT, SIG_DFL)); }

bool InterruptWatch::interrupted() { return interrupt_seen != 0; }

}  // namespace suffice::cli
