#include "testing/llama_server.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <source_location>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace suffice::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kStartMax{60};

fs::path from_environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value == nullptr ? fs::path() : fs::path(value);
}

fs::path cache_folder() {
  if (const fs::path own = from_environment("SUFFICE_CACHE"); !own.empty()) return own;
  if (const fs::path xdg = from_environment("XDG_CACHE_HOME"); !xdg.empty()) return xdg / "suffice";
  return from_environment("HOME") / ".cache" / "suffice";
}

fs::path find_program() {
  std::vector<fs::path> roots;
  if (const fs::path root = from_environment("SUFFICE_LLAMA_ROOT"); !root.empty()) roots.push_back(root);
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(cache_folder(), ignored)) {
    if (entry.path().filename().string().starts_with("llama-")) roots.push_back(entry.path());
  }
  for (const fs::path& root : roots) {
    if (fs::exists(root / "bin" / "llama-server")) return root / "bin" / "llama-server";
  }
  return {};
}

fs::path find_model() {
  if (const fs::path named = from_environment("SUFFICE_TEST_MODEL"); !named.empty()) return named;
  const fs::path project =
      fs::path(std::source_location::current().file_name()).parent_path().parent_path().parent_path();
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(project / "models", ignored)) {
    if (entry.path().extension() == ".gguf") return entry.path();
  }
  return {};
}

void end_process(pid_t process) {
  ::kill(process, SIGKILL);
  ::waitpid(process, nullptr, 0);
}

/// Reads what the server prints until it says where it listens; empty when it does not in time.
std::string read_address(int output) {
  constexpr std::string_view mark = "listening on http://";
  const auto until = std::chrono::steady_clock::now() + kStartMax;
  std::string text;
  while (std::chrono::steady_clock::now() < until) {
    pollfd readable{.fd = output, .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, 1000) < 0) return {};
    if (readable.revents == 0) continue;
    std::array<char, 4096> piece{};
    const ssize_t got = ::read(output, piece.data(), piece.size());
    if (got <= 0) return {};
    text.append(piece.data(), static_cast<std::size_t>(got));
    const std::size_t at = text.find(mark);
    const std::size_t end = at == std::string::npos ? at : text.find_first_of(" \r\n", at + mark.size());
    if (end != std::string::npos) return text.substr(at + mark.size(), end - at - mark.size());
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<LlamaServer>> LlamaServer::start(std::int64_t context_tokens) {
  const fs::path program = find_program();
  if (program.empty())
    return fail(ErrorCode::ModelUnavailable, "no llama-server: run tools/fetch_llama or set SUFFICE_LLAMA_ROOT");
  const fs::path model = find_model();
  if (model.empty())
    return fail(ErrorCode::ModelUnavailable, "no model in models/: set SUFFICE_TEST_MODEL to a GGUF file");

  std::vector<std::string> words = {program.string(),
                                    "-m",
                                    model.string(),
                                    "--host",
                                    "127.0.0.1",
                                    "--port",
                                    "0",
                                    "-t",
                                    "1",
                                    "-np",
                                    "1",
                                    "-c",
                                    std::to_string(context_tokens)};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return fail(ErrorCode::IoFailed, "no pipe");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDERR_FILENO);
  pid_t process = 0;
  const int failed = ::posix_spawn(&process, program.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  if (failed != 0) {
    ::close(pipe[0]);
    return fail(ErrorCode::ModelUnavailable, "llama-server does not start");
  }
  const std::string address = read_address(pipe[0]);
  if (address.empty()) {
    end_process(process);
    ::close(pipe[0]);
    return fail(ErrorCode::ModelUnavailable, "llama-server did not come up with this model");
  }
  return std::unique_ptr<LlamaServer>(new LlamaServer(process, pipe[0], "http://" + address + "/v1"));
}

LlamaServer::~LlamaServer() {
  end_process(process_);
  ::close(output_);
}

}  // namespace suffice::testing
