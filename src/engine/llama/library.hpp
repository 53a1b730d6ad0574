#pragma once
// libllama as a whole: loading its CPU code, and what it logs.

#include <functional>
#include <string>

namespace suffice::engine {

/// A warning or an error of the library. Any thread. It speaks of models, never of a call's text.
using LibraryLog = std::function<void(bool error, const std::string& line)>;

/// Loads the backends once, before anything else of the library. False when there is no CPU code to load.
bool start_library(LibraryLog log);

/// The library's first error line, which says why loading failed; empty when there was none.
std::string first_library_error();
/// Before something else is loaded, whose reason is then the first.
void forget_library_errors();

}  // namespace suffice::engine
