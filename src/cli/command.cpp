#include "cli/command.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <unistd.h>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "app/settings.hpp"

namespace suffice::cli {

// NOLINTNEXTLINE(concurrency-mt-unsafe): nothing sets it
bool colours(int file_descriptor) { return ::isatty(file_descriptor) == 1 && std::getenv("NO_COLOR") == nullptr; }

std::string paint(std::string_view text, std::string_view ansi, bool on) {
  return on ? fmt::format("\x1b[{}m{}\x1b[0m", ansi, text) : std::string(text);
}

Exit report(const Error& error) {
  const std::string line = fmt::format("{} {}\n", paint("suffice:", "31", colours(STDERR_FILENO)), describe(error));
  std::fputs(line.c_str(), stderr);
  return error.code == ErrorCode::Internal ? Exit::Internal : Exit::Usage;
}

Result<std::filesystem::path> data_folder(const std::string& given) {
  if (!given.empty()) return std::filesystem::path(given);
  return app::default_data_folder(policy::process_environment());
}

Result<std::filesystem::path> policy_file(const std::string& given) {
  std::filesystem::path file = given.empty() ? app::default_policy_file() : std::filesystem::path(given);
  if (file.empty()) {
    return fail(ErrorCode::NotFound, "no examples/policy.yaml here or above the program; name one with --policy FILE",
                "--policy");
  }
  if (!std::filesystem::exists(file)) return fail(ErrorCode::NotFound, "no such file", file.string());
  return file;
}

Result<std::string> read_input(const std::string& file) {
  if (file == "-") return std::string{std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ErrorCode::NotFound, "cannot read the file", file);
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

std::shared_ptr<spdlog::logger> make_log(std::string_view level) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto log = std::make_shared<spdlog::logger>("suffice", std::move(sink));
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  log->set_level(spdlog::level::from_str(std::string(level)));
  log->flush_on(spdlog::level::info);
  return log;
}

}  // namespace suffice::cli
