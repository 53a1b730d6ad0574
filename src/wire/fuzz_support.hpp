#pragma once
// For the fuzz drivers of this folder: arguments, and seeded mutations of a corpus.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "core/random.hpp"

namespace suffice::wire::fuzz {

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t iterations = 20'000;
};

/// --seed N --iterations N; prints the seed, so that a failure can be repeated.
inline Arguments read_arguments(std::span<char*> arguments) {
  Arguments read;
  for (std::size_t i = 1; i + 1 < arguments.size(); i += 2) {
    const std::string_view name = arguments[i];
    const std::uint64_t value = std::strtoull(arguments[i + 1], nullptr, 10);
    if (name == "--seed") read.seed = value;
    if (name == "--iterations") read.iterations = value;
  }
  std::printf("seed %llu, %llu iterations\n", static_cast<unsigned long long>(read.seed),
              static_cast<unsigned long long>(read.iterations));
  std::fflush(stdout);
  return read;
}

/// One corpus entry with a few edits: bytes flipped, cut, doubled, spliced with another entry, or replaced by words that matter.
inline std::string mutate(std::span<const std::string> corpus, std::span<const std::string_view> words,
                          Random& random) {
  std::string text = corpus[random.below(corpus.size())];
  const std::uint64_t edits = random.below(5);
  for (std::uint64_t i = 0; i < edits && !text.empty(); ++i) {
    const std::size_t at = random.below(text.size());
    const std::size_t length = random.below(text.size() - at) + 1;
    switch (random.below(7)) {
      case 0:
        text[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        text.resize(at);
        break;
      case 2:
        text.insert(at, text.substr(at, length));
        break;
      case 3:
        text.erase(at, length < 16 ? length : 16);
        break;
      case 4:
        text.insert(at, words[random.below(words.size())]);
        break;
      case 5: {
        const std::string& other = corpus[random.below(corpus.size())];
        text.replace(at, length, other.substr(random.below(other.size() + 1)));
        break;
      }
      default:
        text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
        break;
    }
    if (text.size() > 65'536) text.resize(65'536);
  }
  return text;
}

/// What must hold, also without assertions.
inline void require(bool holds, std::string_view what, std::string_view input) {
  if (holds) return;
  std::fprintf(stderr, "broken: %.*s\ninput (%zu bytes): ", static_cast<int>(what.size()), what.data(), input.size());
  for (const char c : input) std::fprintf(stderr, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
  std::fprintf(stderr, "\n");
  std::abort();
}

}  // namespace suffice::wire::fuzz
