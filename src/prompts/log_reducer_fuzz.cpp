// Logs of foreign bytes through the reducer: bounded, well-formed, stable, and in time for one line of 100 MB.
// suffice_fuzz_log_reducer [--seed N] [--iterations N] [--long-line BYTES]

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/random.hpp"
#include "core/text.hpp"
#include "prompts/log_reducer.hpp"

namespace {

using suffice::SeededRandom;
using namespace suffice::prompts;

constexpr std::string_view kPieces[] = {"[ERROR] ",
                                        "[INFO] ",
                                        "error: ",
                                        "\n",
                                        "\n\n",
                                        "\r",
                                        "\r\n",
                                        "\x1b[31m",
                                        "\x1b[",
                                        "\x1b",
                                        "Downloading",
                                        "Caused by: ",
                                        "\tat ",
                                        "100 %",
                                        "-----",
                                        "\xc3\xa9",
                                        "\xf0\x9f\x98\x80",
                                        "\xff",
                                        "\xe2\x82",
                                        "x",
                                        "2024-05-01T10:00:00Z ",
                                        "BUILD FAILURE",
                                        " ... ",
                                        "[... 3 lines ...]",
                                        "0 errors",
                                        "cannot find symbol"};

std::string random_log(SeededRandom& random) {
  std::string log;
  const std::uint64_t pieces = random.below(400);
  for (std::uint64_t i = 0; i < pieces; ++i) {
    const std::uint64_t kind = random.below(10);
    if (kind == 0) {
      log += static_cast<char>(random.below(256));
    } else if (kind == 1) {
      log.append(random.below(900), static_cast<char>(random.below(256)));
    } else {
      log += kPieces[random.below(std::size(kPieces))];
    }
  }
  return log;
}

/// What must hold of any log.
bool sound(const std::string& log, std::size_t chars_max) {
  const LogReduction once = reduce_build_log(log, chars_max);
  const LogReduction twice = reduce_build_log(once.text, chars_max);
  return suffice::count_code_points(once.text) <= chars_max && !suffice::first_invalid_utf8(once.text) &&
         twice.text == once.text && once.lines_kept <= once.lines && !once.dropped().empty();
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t iterations = 5'000;
  std::uint64_t long_line = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--seed") seed = value;
    if (flag == "--iterations") iterations = value;
    if (flag == "--long-line") long_line = value;
  }
  std::printf("log_reducer_fuzz --seed %llu --iterations %llu --long-line %llu\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(iterations),
              static_cast<unsigned long long>(long_line));
  SeededRandom random(seed);
  for (std::uint64_t i = 0; i < iterations; ++i) {
    const std::string log = random_log(random);
    const std::size_t chars_max = 1 + random.below(600);
    if (!sound(log, chars_max)) {
      std::printf("unsound outcome at iteration %llu, %zu characters\n", static_cast<unsigned long long>(i), chars_max);
      return 1;
    }
  }
  for (const char* const filling : {"x", "\n", "\r", "\x1b[", "\xff", "\xc3\xa9", "error 12\n"}) {
    std::string log;
    log.reserve(long_line + 16);
    while (log.size() < long_line) log += filling;
    if (!sound(log, 2000)) {
      std::printf("unsound outcome of %zu bytes of one filling\n", log.size());
      return 1;
    }
  }
  return 0;
}
