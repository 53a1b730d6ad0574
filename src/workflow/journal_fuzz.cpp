// Mutations of journals through the reader of their bytes: no crash, nothing invented, what is whole encodes to the same bytes.
// suffice_fuzz_journal [--seed N] [--iterations N]

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/random.hpp"
#include "workflow/journal_format.hpp"

namespace {

using suffice::SeededRandom;
using namespace suffice::workflow;

std::string sample_journal() {
  std::string bytes =
      frame(encode(JournalHeader{.run_id = "r", .shape = "s", .input_sha256 = "i", .seed = 1, .about = {"{}"}}));
  JournalRecord record;
  for (std::uint64_t step = 1; step <= 4; ++step) {
    record.kind = static_cast<JournalRecord::Kind>(step);
    record.step = step;
    record.executor = "executor";
    record.output = {.type = "t", .body = {"[1,2,3]"}};
    record.state = {{"key", {"1"}}, {"other", {"\"x\""}}};
    record.used.resize(step % 2);
    bytes += frame(encode(record));
  }
  return bytes;
}

std::string mutated(std::string bytes, SeededRandom& random) {
  const std::size_t at = random.below(bytes.size());
  switch (random.below(4)) {
    case 0:
      bytes[at] = static_cast<char>(random.below(256));
      break;
    case 1:
      bytes.resize(at);
      break;
    case 2:
      bytes.erase(at, random.below(40));
      break;
    default:
      bytes.insert(at, std::string(random.below(12) + 1, static_cast<char>(random.below(256))));
  }
  return bytes;
}

/// Whether every whole frame decodes to what encodes to it again, or is refused; and payloads that were never framed do no harm.
bool sound(std::string_view bytes, SeededRandom& random, std::uint64_t& whole) {
  bool first = true;
  for (;;) {
    const FoundFrame found = find_frame(bytes);
    if (found.kind != FoundFrame::Kind::Whole) return true;
    if (found.size > bytes.size() || frame(found.payload) != bytes.substr(0, found.size)) return false;
    if (first) {
      const auto header = decode_header(found.payload);
      if (header && encode(*header) != found.payload) return false;
    } else if (const auto record = decode_record(found.payload)) {
      if (encode(*record) != found.payload) return false;
      ++whole;
      const std::string broken = mutated(std::string(found.payload), random);
      if (const auto other = decode_record(broken); other && encode(*other) != broken) return false;
      static_cast<void>(decode_header(broken));
    }
    first = false;
    bytes.remove_prefix(found.size);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t seed = 1;
  std::uint64_t iterations = 20'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view argument = argv[i];
    if (argument == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (argument == "--iterations") iterations = std::strtoull(argv[i + 1], nullptr, 10);
  }
  std::printf("journal_fuzz --seed %llu --iterations %llu\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(iterations));
  SeededRandom random(seed);
  const std::string journal = sample_journal();
  std::uint64_t whole = 0;
  for (std::uint64_t i = 0; i < iterations; ++i) {
    if (!sound(mutated(journal, random), random, whole)) {
      std::printf("unsound outcome at iteration %llu\n", static_cast<unsigned long long>(i));
      return 1;
    }
  }
  std::printf("%llu records read\n", static_cast<unsigned long long>(whole));
  return whole > 0 ? 0 : 1;
}
