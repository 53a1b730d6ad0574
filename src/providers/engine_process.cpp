#include "providers/engine_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace suffice::providers {
namespace {

/// Where the engine finds its end of the socket pair.
constexpr int kEngineFd = 3;

/// What posix_spawn shall do, freed on every way out.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void connect(int socket, int standard_error) {
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, standard_error, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, socket, kEngineFd);
  }
  /// Own process group: Ctrl-C in a terminal is for the gateway, which lets calls in flight finish.
  void isolate() {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  int run(pid_t& pid, const char* program, char* const* arguments, char* const* environment) {
    return posix_spawn(&pid, program, &actions_, &attributes_, arguments, environment);
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::unexpected<Error> cannot_start(const char* step, int error) {
  return fail(ErrorCode::ModelUnavailable, std::string("the engine program cannot be started: ") + step + ": " +
                                               std::generic_category().message(error));
}

}  // namespace

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int OwnedFd::release() { return std::exchange(fd_, -1); }

void OwnedFd::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<std::unique_ptr<EngineProcess>> EngineProcess::start(const EngineCommand& command) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return cannot_start("socketpair", errno);
  std::unique_ptr<EngineProcess> process(new EngineProcess());
  process->socket_ = OwnedFd(sockets[0]);
  const OwnedFd engine_socket(sockets[1]);
  int pipes[2];
  if (::pipe2(pipes, O_CLOEXEC) != 0) return cannot_start("pipe", errno);
  process->standard_error_ = OwnedFd(pipes[0]);
  const OwnedFd engine_error(pipes[1]);

  std::vector<std::string> words = {command.program, "--fd", std::to_string(kEngineFd)};
  words.insert(words.end(), command.arguments.begin(), command.arguments.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // ggml's backtrace on abort starts a debugger, which the sandbox refuses anyway.
  std::string no_backtrace = "GGML_NO_BACKTRACE=1";
  char* environment[] = {no_backtrace.data(), nullptr};

  SpawnPlan plan;
  plan.connect(engine_socket.get(), engine_error.get());
  plan.isolate();
  const int error = plan.run(process->pid_, command.program.c_str(), arguments.data(), environment);
  if (error != 0) {
    process->reaped_ = true;
    return cannot_start(command.program.c_str(), error);
  }
  process->end_watch_ = OwnedFd(static_cast<int>(::syscall(SYS_pidfd_open, process->pid_, 0)));
  if (!process->end_watch_.valid()) return cannot_start("pidfd_open", errno);
  return process;
}

EngineProcess::~EngineProcess() {
  kill();
  wait();
}

void EngineProcess::kill() {
  if (!reaped_ && pid_ > 0) ::kill(pid_, SIGKILL);
}

std::string EngineProcess::wait() {
  if (reaped_ || pid_ <= 0) return end_;
  int status = 0;
  pid_t ended = 0;
  do {
    ended = ::waitpid(pid_, &status, 0);
  } while (ended < 0 && errno == EINTR);
  reaped_ = true;
  if (ended == pid_ && WIFEXITED(status)) {
    end_ = "ended with status " + std::to_string(WEXITSTATUS(status));
  } else if (ended == pid_ && WIFSIGNALED(status)) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc keeps its text per thread
    end_ = "was ended by signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")";
  } else {
    end_ = "ended";
  }
  return end_;
}

}  // namespace suffice::providers
