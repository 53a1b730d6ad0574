// Feeds redaction mutated text with planted secrets and checks what must always hold: well-formed UTF-8 within the limit, the same answer
// twice, and no survivor of a secret that was not itself mutated.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "audit/redaction.hpp"
#include "audit/sample_secrets.hpp"
#include "core/random.hpp"
#include "core/text.hpp"

namespace {

using namespace suffice;
using namespace suffice::audit;

/// Bytes that patterns care about, and bytes that are no UTF-8.
constexpr std::string_view kSpice = "@:/.-_=+\"'\\ \n\t0123456789abcXYZ{}[]()<>\x00\xff\xc3\xa4\xed\xa0";

std::string mutated(Random& random, std::string text) {
  for (std::uint64_t i = random.below(8); i > 0 && !text.empty(); --i) {
    const std::size_t at = random.below(text.size());
    switch (random.below(4)) {
      case 0:
        text[at] = kSpice[random.below(kSpice.size())];
        break;
      case 1:
        text.erase(at, 1 + random.below(8));
        break;
      case 2:
        text.insert(at, 1 + random.below(40), kSpice[random.below(kSpice.size())]);
        break;
      default:
        text.insert(at, text.substr(random.below(text.size()), random.below(200)));
        break;
    }
  }
  return text;
}

void check(bool holds, const char* what, const std::string& text) {
  if (holds) return;
  std::printf("%s, for:\n%s\n", what, text.c_str());
  std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t iterations = 20'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::string_view(argv[i]) == "--iterations") iterations = std::strtoull(argv[i + 1], nullptr, 10);
  }
  std::printf("redaction_fuzz --seed %llu --iterations %llu\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(iterations));
  SeededRandom random(seed);
  for (std::uint64_t i = 0; i < iterations; ++i) {
    std::string text;
    for (std::uint64_t part = random.below(4); part > 0; --part) {
      text += testing::in_a_sentence(
          random, testing::kSecretFormats[random.below(testing::kSecretFormats.size())].make(random).text);
    }
    text = mutated(random, std::move(text));
    const std::string key = "ghp_" + testing::random_of(random, testing::kBase62, 36);
    text += " " + key + " ";
    const std::size_t limit = random.below(2) == 0 ? 240 : random.below(5'000);
    const std::string preview = redacted_preview(text, limit);
    check(!first_invalid_utf8(preview), "the preview is not UTF-8", text);
    check(count_code_points(preview) <= limit, "the preview is too long", text);
    check(preview.find(key) == std::string::npos, "a key survived", text);
    check(redacted_preview(text, limit) == preview, "two answers for one text", text);
  }
  std::printf("ok\n");
  return 0;
}
