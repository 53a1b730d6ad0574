#pragma once
// For the tests of this module: a real PostgreSQL server of their own, from the installed programs, on a Unix socket in a temporary folder.

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include "audit/postgres.hpp"
#include "audit/sample_events.hpp"

namespace suffice::audit::testing {

/// The folder of initdb and postgres; nothing when they are not installed.
inline std::optional<std::filesystem::path> postgres_programs() {
  std::vector<std::filesystem::path> folders;
  std::error_code ignored;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored))
    folders.push_back(version.path() / "bin");
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  for (std::size_t at = 0; at <= rest.size();) {
    const std::size_t end = std::min(rest.find(':', at), rest.size());
    folders.emplace_back(rest.substr(at, end - at));
    at = end + 1;
  }
  for (const auto& folder : folders) {
    if (std::filesystem::exists(folder / "initdb", ignored) && std::filesystem::exists(folder / "postgres", ignored))
      return folder;
  }
  return std::nullopt;
}

/// A server that can be killed with everything it started, and started again over the same files.
class PostgresServer {
 public:
  /// Null, with the reason in `why`, when there is no PostgreSQL here.
  static std::unique_ptr<PostgresServer> start(std::string& why) {
    const auto programs = postgres_programs();
    if (!programs) {
      why = "PostgreSQL is not installed (tools/bootstrap test)";
      return nullptr;
    }
    auto server = std::unique_ptr<PostgresServer>(new PostgresServer(*programs));
    if (!server->prepare() || !server->launch()) {
      why = "PostgreSQL does not start here: " + server->log_;
      return nullptr;
    }
    return server;
  }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer() { kill_all(); }

  /// Empty when the server does not answer; else of a database that is made when it is not there yet.
  std::string url(const std::string& database) {
    auto admin = PostgresConnection::open(url_of("postgres"), std::chrono::seconds{10});
    if (!admin) return {};
    static_cast<void>(admin->execute("CREATE DATABASE " + database, std::chrono::seconds{30}));
    return url_of(database);
  }

  /// SIGKILL to the server and to every process of it; returns when they are gone.
  void kill_all() {
    if (process_ <= 0) return;
    ::kill(process_, SIGSTOP);  // no new children
    std::vector<pid_t> processes = {process_};
    std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", process_));
    for (pid_t child = 0; children >> child;) processes.push_back(child);
    for (const pid_t process : processes) ::kill(process, SIGKILL);
    int status = 0;
    for (const pid_t process : processes) ::waitpid(process, &status, 0);
    process_ = -1;
  }

  /// Returns when the server says that it is ready; false when it ends instead.
  bool launch() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    process_ = spawn({(programs_ / "postgres").string(), "-D", data().string(), "-k", folder_path(), "-p", kPort, "-c",
                      "listen_addresses=", "-c", "shared_buffers=16MB", "-c", "max_connections=20"},
                     ends[1]);
    ::close(ends[1]);
    log_.clear();
    std::array<char, 4096> piece{};
    while (log_.find("ready to accept connections") == std::string::npos) {
      const ssize_t bytes = ::read(ends[0], piece.data(), piece.size());
      if (bytes <= 0) break;
      log_.append(piece.data(), static_cast<std::size_t>(bytes));
    }
    ::close(ends[0]);  // the server ignores that nobody reads its log
    if (log_.find("ready to accept connections") != std::string::npos) return true;
    kill_all();
    return false;
  }

 private:
  static constexpr const char* kPort = "5432";  // a name of the socket's file; nothing listens on it

  explicit PostgresServer(std::filesystem::path programs) : programs_(std::move(programs)) {
    // The server's orphans become ours, to be waited for.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    // It refuses to run as root.
    if (::geteuid() == 0) {
      if (const passwd* nobody = ::getpwnam("nobody")) owner_ = {nobody->pw_uid, nobody->pw_gid};
    }
  }

  bool prepare() {
    if (owner_ && ::chown(folder_path().c_str(), owner_->first, owner_->second) != 0) return false;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    const pid_t initdb = spawn({(programs_ / "initdb").string(), "-D", data().string(), "-U", "suffice", "-A", "trust",
                                "-N", "-E", "UTF8", "--locale=C"},
                               ends[1]);
    ::close(ends[1]);
    std::array<char, 4096> piece{};
    for (ssize_t bytes = 0; (bytes = ::read(ends[0], piece.data(), piece.size())) > 0;)
      log_.append(piece.data(), static_cast<std::size_t>(bytes));
    ::close(ends[0]);
    int status = 0;
    return ::waitpid(initdb, &status, 0) == initdb && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  pid_t spawn(std::vector<std::string> words, int output) {
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (owner_ && (::setgroups(0, nullptr) != 0 || ::setgid(owner_->second) != 0 || ::setuid(owner_->first) != 0))
      ::_exit(126);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    if (::chdir(folder_path().c_str()) != 0) ::_exit(126);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }

  [[nodiscard]] std::string url_of(const std::string& database) const {
    return fmt::format("postgres://suffice@/{}?host={}", database, folder_path());
  }
  [[nodiscard]] std::string folder_path() const { return (folder_ / "").parent_path().string(); }
  [[nodiscard]] std::filesystem::path data() const { return folder_ / "data"; }

  TemporaryFolder folder_;
  std::filesystem::path programs_;
  std::optional<std::pair<uid_t, gid_t>> owner_;
  pid_t process_ = -1;
  std::string log_;
};

/// One server for the whole program; null with a reason where there is none.
inline PostgresServer* shared_postgres(std::string* why = nullptr) {
  static std::string reason;
  static const std::unique_ptr<PostgresServer> server = PostgresServer::start(reason);
  if (why != nullptr) *why = reason;
  return server.get();
}

}  // namespace suffice::audit::testing
