#include "engine/sandbox.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace suffice::engine {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif

bool set_limit(decltype(RLIMIT_CORE) what, rlim_t value) {
  const rlimit limit{.rlim_cur = value, .rlim_max = value};
  return ::setrlimit(what, &limit) == 0;
}

bool close_other_files(int keep) {
  const auto close_from_to = [](unsigned first, unsigned last) {
    return first > last || ::syscall(SYS_close_range, first, last, 0U) == 0;
  };
  if (keep <= STDERR_FILENO) return close_from_to(3, ~0U);
  const auto kept = static_cast<unsigned>(keep);
  return close_from_to(3, kept - 1) && close_from_to(kept + 1, ~0U);
}

/// Refuses new sockets, other programs and looking into other processes with EPERM. The library needs none of them.
bool filter_system_calls() {
  if (kArchitecture == 0) return false;
  constexpr std::uint32_t kRefused[] = {
      SYS_socket,  SYS_socketpair, SYS_connect,    SYS_bind,        SYS_listen,           SYS_accept,
      SYS_accept4, SYS_execve,     SYS_execveat,   SYS_ptrace,      SYS_process_vm_readv, SYS_process_vm_writev,
      SYS_bpf,     SYS_mount,      SYS_kexec_load, SYS_init_module, SYS_unlinkat,         SYS_renameat2};
  std::vector<sock_filter> program = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  for (const std::uint32_t call : kRefused) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter{.len = static_cast<unsigned short>(program.size()), .filter = program.data()};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

std::vector<std::string> enter_sandbox(const SandboxOptions& options) {
  std::vector<std::string> in_force;
  const auto note = [&in_force](bool done, const char* name) {
    if (done) in_force.emplace_back(name);
  };
  note(close_other_files(options.keep_fd), "files_closed");
  // No core file: it would hold prompts. 64 files: the model, its backends and the C library's own.
  const bool limited = set_limit(RLIMIT_CORE, 0) && set_limit(RLIMIT_NOFILE, 64);
  note(limited, "limits");
  if (options.address_space_mb > 0) note(set_limit(RLIMIT_AS, options.address_space_mb << 20U), "address_space");
  // Changing credentials clears the parent-death signal, so the namespace comes first.
  note(::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0, "network_namespace");
  note(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  note(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "dies_with_gateway");
  note(filter_system_calls(), "seccomp");
  return in_force;
}

}  // namespace suffice::engine
