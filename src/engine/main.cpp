// suffice-engine: loads one model and answers the gateway's calls on an inherited socket. Started by the gateway only.

#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "engine/llama/engine.hpp"

namespace {

using suffice::engine::EngineOptions;

constexpr const char* kUsage =
    "usage: suffice-engine --fd N --model FILE [--threads N] [--contexts N] [--context-length N]\n"
    "                      [--adapter NAME=FILE]... [--address-space-mb N]\n"
    "\n"
    "The embedded model's process. The gateway starts it with one end of a socket pair as descriptor N; it is of no use\n"
    "by itself. --threads is per context; --context-length 0 takes the model's own, at most 8192.\n";

bool read_number(std::string_view text, auto& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool read_adapter(std::string_view text, EngineOptions& options) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals + 1 == text.size()) return false;
  options.adapters.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  return true;
}

std::optional<EngineOptions> read_options(int argc, char** argv) {
  EngineOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    bool good = true;
    if (name == "--fd")
      good = read_number(value, options.fd);
    else if (name == "--model")
      options.model_path = value;
    else if (name == "--threads")
      good = read_number(value, options.threads);
    else if (name == "--contexts")
      good = read_number(value, options.contexts);
    else if (name == "--context-length")
      good = read_number(value, options.context_length);
    else if (name == "--adapter")
      good = read_adapter(value, options);
    else if (name == "--address-space-mb")
      good = read_number(value, options.address_space_mb);
    else
      good = false;
    if (!good) return std::nullopt;
  }
  const bool paired = argc % 2 == 1;
  const bool sane = options.fd >= 0 && !options.model_path.empty() && options.threads >= 1 && options.threads <= 512 &&
                    options.contexts >= 1 && options.contexts <= 256;
  if (!paired || !sane) return std::nullopt;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && (std::strcmp(argv[1], "--help") == 0 || std::strcmp(argv[1], "-h") == 0)) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const std::optional<EngineOptions> options = read_options(argc, argv);
  if (!options) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  try {
    return suffice::engine::run_engine(*options);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "suffice-engine: %s\n", exception.what());
    return 1;
  }
}
