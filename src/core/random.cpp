#include "core/random.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <sys/random.h>

namespace suffice {

std::uint64_t SystemRandom::next() {
  thread_local std::array<std::uint64_t, 32> buffer{};
  thread_local std::size_t used = buffer.size();
  if (used == buffer.size()) {
    // getrandom(2) gives up to 256 bytes without interruption once the pool is ready.
    if (getrandom(buffer.data(), sizeof(buffer), 0) != static_cast<ssize_t>(sizeof(buffer))) std::abort();
    used = 0;
  }
  return buffer[used++];
}

}  // namespace suffice
