// Mutations of small GGUF files through read_gguf: no crash, no hang, and every header that comes out is whole.
// suffice_fuzz_gguf [--seed N] [--iterations N]

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.hpp"
#include "models/gguf.hpp"
#include "models/made_gguf.hpp"

namespace {

using suffice::Random;
using suffice::Result;
using suffice::SeededRandom;
using namespace suffice::models;

void require(bool holds, const char* what, std::uint64_t iteration) {
  if (holds) return;
  std::fprintf(stderr, "broken in iteration %llu: %s\n", static_cast<unsigned long long>(iteration), what);
  std::abort();
}

/// Numbers at which arithmetic breaks, written over eight or four bytes somewhere.
void write_number(std::string& bytes, Random& random) {
  constexpr std::array<std::uint64_t, 12> kNumbers = {
      0, 1, 2, 9, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 1ULL << 62U, 1ULL << 63U, ~0ULL, ~0ULL - 31};
  const std::uint64_t value = kNumbers.at(random.below(kNumbers.size()));
  const std::size_t width = random.below(2) == 0 ? 4 : 8;
  if (bytes.size() < width) return;
  const std::size_t at = random.below(bytes.size() - width + 1);
  for (std::size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

std::string mutated(const std::vector<std::string>& corpus, Random& random) {
  std::string bytes = corpus[random.below(corpus.size())];
  const std::uint64_t edits = random.below(4) + 1;
  for (std::uint64_t i = 0; i < edits && !bytes.empty(); ++i) {
    const std::size_t at = random.below(bytes.size());
    switch (random.below(6)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes[at] = static_cast<char>(random.below(256));
        break;
      case 2:
        bytes.erase(at, random.below(16) + 1);
        break;
      case 3:
        bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(64)));
        break;
      default:
        write_number(bytes, random);
        break;
    }
  }
  return bytes;
}

/// What a caller relies on.
void check(const GgufHeader& header, std::size_t size, std::uint64_t iteration) {
  require(header.file_bytes == size, "the size is another", iteration);
  require(header.version == 2 || header.version == 3, "an unknown version passed", iteration);
  std::uint64_t total = 0;
  for (const GgufTensor& tensor : header.tensors) {
    require(tensor.shape.size() <= 4, "too many dimensions passed", iteration);
    require(header.data_begin + tensor.offset + tensor.bytes <= size, "a tensor beyond the end passed", iteration);
    total += tensor.bytes;
  }
  require(total <= size, "tensors larger than the file passed", iteration);
  const ModelFacts facts = facts_of(header);
  require(facts.tensors == header.tensors.size(), "facts of another file", iteration);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t iterations = 20'000;
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  for (std::size_t i = 1; i + 1 < arguments.size(); i += 2) {
    const std::string_view name = arguments[i];
    if (name == "--seed") seed = std::strtoull(arguments[i + 1], nullptr, 10);
    if (name == "--iterations") iterations = std::strtoull(arguments[i + 1], nullptr, 10);
  }
  std::printf("seed %llu, %llu iterations\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(iterations));
  const std::vector<std::string> corpus = {
      good_gguf(), MadeGguf().header(0, 0).bytes(),
      MadeGguf().header(1, 1, 2).entry("general.alignment", 64U).tensor("t", {256, 2}, 12, 0).data(288, 64).bytes()};
  SeededRandom random(seed);
  std::uint64_t passed = 0;
  for (std::uint64_t i = 0; i < iterations; ++i) {
    const std::string bytes = mutated(corpus, random);
    const Result<GgufHeader> header = read_gguf(bytes);
    if (header) {
      ++passed;
      check(*header, bytes.size(), i);
    } else {
      require(header.error().code == suffice::ErrorCode::ModelInvalid, "another error than ModelInvalid", i);
    }
  }
  require(passed > 0 && passed < iterations, "the mutations prove nothing: all passed or none", iterations);
  std::printf("%llu of %llu were headers\n", static_cast<unsigned long long>(passed),
              static_cast<unsigned long long>(iterations));
  return 0;
}
