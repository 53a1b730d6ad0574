// suffice-engine-stand-in: answers like suffice-engine and then misbehaves on purpose. For tests only; it knows no model.
//
// It is started as the engine is (--fd N --model FILE ...), and the file's name says what it does:
//
//   answers.gguf        answers every call with "ok"
//   aborts.gguf         calls abort() in a call, as libllama does when it finds a bug of its own
//   spins.gguf          never ends a call and makes no progress, while pings are still answered
//   eats_memory.gguf    allocates in a call until its limit (RLIMIT_AS, what it has plus 64 MiB) is reached
//   babbles.gguf        sends bytes that are no frame in a call
//   floods.gguf         writes a thousand lines to standard error in a call, then ends
//   dies_loading.gguf   aborts before it is ready, each time
//   never_ready.gguf    neither ends nor becomes ready

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <variant>

#include "core/hash.hpp"
#include "wire/engine_frames.hpp"

namespace {

using namespace suffice;

constexpr rlim_t kMemoryAllowed = 64UL << 20U;
constexpr std::size_t kPieceBytes = 1UL << 20U;

class StandIn {
 public:
  StandIn(int fd, std::string model) : fd_(fd), model_(std::move(model)) {}

  int run() {
    const std::string manner = std::filesystem::path(model_).stem().string();
    wire::EngineFrameDecoder decoder;
    for (;;) {
      char bytes[4'096];
      const ssize_t count = ::read(fd_, bytes, sizeof bytes);
      if (count <= 0) return 0;
      decoder.feed({bytes, static_cast<std::size_t>(count)});
      for (;;) {
        const Result<std::optional<wire::EngineFrame>> frame = decoder.next();
        if (!frame) return 2;
        if (!*frame) break;
        take(**frame, manner);
      }
    }
  }

 private:
  void take(const wire::EngineFrame& frame, std::string_view manner) {
    if (std::holds_alternative<wire::EngineHello>(frame)) {
      if (manner == "dies_loading") std::abort();
      if (manner == "never_ready") return;
      ready();
    } else if (const auto* ping = std::get_if<wire::EnginePing>(&frame)) {
      wire::EnginePong pong;
      pong.nonce = ping->nonce;
      pong.busy = busy_;
      send(pong);
    } else if (const auto* call = std::get_if<wire::EngineCall>(&frame)) {
      answer(*call, manner);
    }
  }

  void ready() const {
    std::ifstream file(model_, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    wire::EngineReady frame;
    frame.facts.name = "stand-in";
    frame.facts.sha256 = sha256_hex(bytes);
    frame.facts.context_length = 1'024;
    send(frame);
  }

  void answer(const wire::EngineCall& call, std::string_view manner) {
    if (manner == "aborts") std::abort();
    if (manner == "eats_memory") eat_memory();
    if (manner == "babbles") write(std::string(64, '\xff'));
    if (manner == "floods") {
      for (int i = 0; i < 1'000; ++i) std::fprintf(stderr, "line %d\n", i);
      std::exit(3);  // NOLINT(concurrency-mt-unsafe): one thread
    }
    if (manner == "spins") {
      ++busy_;  // pings say so from now on, and that nothing moves
      return;
    }
    wire::EngineDone done;
    done.id = call.id;
    done.text = "ok";
    send(done);
  }

  /// As a program without memory ends: std::bad_alloc that nobody catches. Not by new, whose failure a sanitizer makes its own.
  static void eat_memory() {
    std::ifstream pages("/proc/self/statm");
    rlim_t used = 0;
    pages >> used;
    used *= static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
    const rlimit limit{.rlim_cur = used + kMemoryAllowed, .rlim_max = used + kMemoryAllowed};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) std::abort();
    for (;;) {
      void* piece = ::mmap(nullptr, kPieceBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (piece == MAP_FAILED) throw std::bad_alloc();
      std::memset(piece, 'm', kPieceBytes);
    }
  }

  void send(const wire::EngineFrame& frame) const {
    if (const Result<std::string> bytes = wire::encode(frame)) write(*bytes);
  }
  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
      if (count <= 0) std::abort();
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  int fd_;
  std::string model_;
  std::uint32_t busy_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  int fd = -1;
  std::string model;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--fd") fd = std::atoi(argv[i + 1]);  // NOLINT(cert-err34-c): a test's own number
    if (name == "--model") model = argv[i + 1];
  }
  if (fd < 0 || model.empty()) return 2;
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  return StandIn(fd, model).run();
}
