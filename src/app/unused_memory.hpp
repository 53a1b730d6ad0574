#pragma once
// Gives memory that a burst left behind back to the system.

#include <chrono>

namespace suffice::app {

/// How often give_back_unused_memory() is worth calling.
inline constexpr std::chrono::seconds kGiveBackInterval{5};

/// Returns free pages of the heap when they are more than 8 MiB, which glibc otherwise keeps: after 64 concurrent bodies of 100 KB the
/// process held 56 MB, of which it used 11. Takes a millisecond or so, and does nothing where the heap is not glibc's. Any thread.
void give_back_unused_memory();

}  // namespace suffice::app
