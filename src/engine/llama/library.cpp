#include "engine/llama/library.hpp"

#include <mutex>
#include <utility>

#include <ggml-backend.h>
#include <llama.h>

#include "core/text.hpp"

namespace suffice::engine {
namespace {

// The library's log callback is global, so its state is too.
struct LogState {
  std::mutex mutex;
  LibraryLog log;
  std::string first_error;
};

LogState& log_state() {
  static LogState state;
  return state;
}

constexpr std::size_t kLineBytesMax = 300;

void on_log(ggml_log_level level, const char* text, void* /*user_data*/) {
  if (level != GGML_LOG_LEVEL_WARN && level != GGML_LOG_LEVEL_ERROR) return;
  const std::string line(first_code_points(trim(text), kLineBytesMax));
  // Said of every context, which is made larger than a call may use (room for other calls).
  if (line.empty() || line.find("possible training context overflow") != std::string::npos) return;
  LogState& state = log_state();
  const std::lock_guard lock(state.mutex);
  if (level == GGML_LOG_LEVEL_ERROR && state.first_error.empty()) state.first_error = line;
  if (state.log) state.log(level == GGML_LOG_LEVEL_ERROR, line);
}

}  // namespace

bool start_library(LibraryLog log) {
  log_state().log = std::move(log);
  llama_log_set(on_log, nullptr);
  const std::string folder = SUFFICE_LLAMA_BACKEND_DIR;
  if (folder.empty()) {
    ggml_backend_load_all();
  } else {
    ggml_backend_load_all_from_path(folder.c_str());
  }
  llama_backend_init();
  return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) != nullptr;
}

std::string first_library_error() {
  LogState& state = log_state();
  const std::lock_guard lock(state.mutex);
  return state.first_error;
}

void forget_library_errors() {
  LogState& state = log_state();
  const std::lock_guard lock(state.mutex);
  state.first_error.clear();
}

}  // namespace suffice::engine
