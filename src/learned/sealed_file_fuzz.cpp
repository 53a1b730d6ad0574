// sealed_file_fuzz --seed N --iterations N: mutated calibrators and certificates, with a checksum that fits, are refused or make sense.

#include <cmath>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "core/hash.hpp"
#include "core/random.hpp"
#include "learned/calibrator.hpp"
#include "learned/certificate.hpp"
#include "wire/fuzz_support.hpp"

using namespace suffice;

namespace {

/// The bytes with some of their second line altered, sealed again.
std::string altered(const std::string& bytes, Random& random) {
  const std::size_t begin = bytes.find('\n') + 1;
  const std::size_t end = bytes.find('\n', begin);
  std::string line = bytes.substr(begin, end - begin);
  static const std::string kPieces[] = {"-", "1e308", "0", "[]", "null", "1", "\"", ",", "9", "true", "{}", "."};
  for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
    const std::size_t at = random.below(line.size());
    const std::uint64_t kind = random.below(4);
    if (kind == 0) {
      line[at] = static_cast<char>(random.below(256));
    } else if (kind == 1) {
      line.erase(at, 1 + random.below(8));
    } else {
      line.replace(at, random.below(3), kPieces[random.below(std::size(kPieces))]);
    }
    if (line.empty()) line = "x";
  }
  const std::string sealed = bytes.substr(0, begin) + line + "\n";
  return sealed + "sha256 " + sha256_hex(sealed) + "\n";
}

bool answers_in_bounds(const learned::Calibrator& calibrator, Random& random) {
  for (int i = 0; i < 8; ++i) {
    std::vector<double> values;
    for (std::size_t k = 0; k < calibrator.signals().size(); ++k)
      values.push_back(i < 4 ? random.uniform() : std::ldexp(random.uniform() - 0.5, 1'000));
    const std::optional<double> answer = calibrator.apply_row(values);
    if (answer && !(*answer >= 0 && *answer <= 1)) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  std::vector<std::string> calibrators;
  for (const auto kind : {learned::CalibratorKind::Isotonic, learned::CalibratorKind::Platt,
                          learned::CalibratorKind::Temperature, learned::CalibratorKind::Logistic}) {
    std::vector<learned::SignalRow> rows;
    for (int i = 0; i < 30; ++i) rows.push_back({.signals = {random.uniform()}, .correct = random.uniform() < 0.6});
    calibrators.push_back(learned::Calibrator::fit(kind, {"label_probability"}, rows, {})->to_bytes());
  }
  const std::string certificate = learned::Certificate{
      .scope = {},
      .terms = {},
      .derivation = {},
      .grid = {0.9, 0.8},
      .threshold = 0.8,
      .rows = 200,
      .accepted = 100,
      .failures = 0,
      .made = "2026-01-01",
      .expires = "2026-12-31",
      .note = {},
      .id = {}}.to_bytes();
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const auto calibrator =
        learned::Calibrator::from_bytes(altered(calibrators[random.below(calibrators.size())], random));
    if (calibrator) {
      ++accepted;
      if (!answers_in_bounds(*calibrator, random)) {
        std::printf("a probability out of bounds\n");
        return 1;
      }
    }
    const auto read = learned::Certificate::from_bytes(altered(certificate, random));
    if (!read) continue;
    ++accepted;
    if (!(read->threshold >= 0 && read->threshold <= 1) || read->failures > read->accepted) {
      std::printf("a certificate that makes no sense\n");
      return 1;
    }
  }
  std::printf("%llu accepted\n", static_cast<unsigned long long>(accepted));
  return accepted == 0 ? 1 : 0;
}
