#include "app/unused_memory.hpp"

#include <cstddef>

#include <malloc.h>

namespace suffice::app {

void give_back_unused_memory() {
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
  constexpr std::size_t kWorthIt = std::size_t{8} << 20;
  // As of glibc 2.33, over all arenas.
  if (mallinfo2().fordblks > kWorthIt) malloc_trim(0);
#endif
}

}  // namespace suffice::app
