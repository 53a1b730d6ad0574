// classifier_file_fuzz --seed N --iterations N: mutated classifier files, with a checksum that fits, are refused or score in bounds.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/hash.hpp"
#include "core/random.hpp"
#include "learned/fit_classifier.hpp"
#include "wire/fuzz_support.hpp"

using namespace suffice;

namespace {

constexpr std::size_t kDigestBytes = 32;

std::string sealed(std::string content) {
  const Sha256 digest = sha256(content);
  return content.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  const std::vector<learned::LabelledText> rows = {{.text = "the build failed", .label = "build"},
                                                   {.text = "the build is red", .label = "build"},
                                                   {.text = "a test failed", .label = "test"},
                                                   {.text = "a test is flaky", .label = "test"}};
  const std::string good = *learned::fit_classifier(rows, {.spec = {.bucket_bits = 10}});
  const std::string content = good.substr(0, good.size() - kDigestBytes);
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    std::string altered = content;
    for (std::uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
      const std::size_t at = random.below(altered.size());
      if (random.below(8) == 0) {
        altered.resize(at + 1);
      } else {
        altered[at] = static_cast<char>(random.below(256));
      }
    }
    const Result<learned::LinearClassifier> made = learned::LinearClassifier::from_bytes(sealed(std::move(altered)));
    if (!made) continue;
    ++accepted;
    const learned::LabelScores scores = made->score("the test of the build failed");
    for (const double probability : scores.probability) {
      if (!(probability >= 0 && probability <= 1)) {
        std::printf("a probability of %f\n", probability);
        return 1;
      }
    }
  }
  std::printf("%llu accepted\n", static_cast<unsigned long long>(accepted));
  return accepted == 0 ? 1 : 0;
}
