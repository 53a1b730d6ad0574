// What a linear tier costs: fitting, loading, and scoring a short text and one of 1 KB, for a few labels and for 150.
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/random.hpp"
#include "learned/fit_classifier.hpp"

namespace suffice::learned {
namespace {

/// Words of a made-up language, of which each label prefers some.
std::vector<LabelledText> texts(std::size_t labels, std::size_t each) {
  SeededRandom random(5);
  std::vector<LabelledText> rows;
  for (std::size_t label = 0; label < labels; ++label) {
    for (std::size_t i = 0; i < each; ++i) {
      std::string text;
      for (int word = 0; word < 9; ++word) {
        const std::uint64_t number = word < 3 ? label * 5 + random.below(5) : random.below(2'000);
        text += "w" + std::to_string(number * 7'919) + ' ';
      }
      rows.push_back({.text = text, .label = "label_" + std::to_string(label)});
    }
  }
  return rows;
}

std::string of_length(const std::vector<LabelledText>& rows, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; text.size() < bytes; i += 7) text += rows[i % rows.size()].text;
  text.resize(bytes);
  return text;
}

void score(benchmark::State& state) {
  const std::vector<LabelledText> rows = texts(static_cast<std::size_t>(state.range(0)), 20);
  const LinearClassifier classifier = LinearClassifier::from_bytes(*fit_classifier(rows, {.threads = 2})).value();
  const std::string text = of_length(rows, static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) benchmark::DoNotOptimize(classifier.score(text));
  state.counters["file_mb"] = static_cast<double>(classifier.file_bytes()) / 1e6;
}
BENCHMARK(score)
    ->ArgNames({"labels", "bytes"})
    ->Args({8, 64})
    ->Args({8, 1'024})
    ->Args({150, 64})
    ->Args({150, 1'024})
    ->Unit(benchmark::kMicrosecond);

void fit_15000_texts(benchmark::State& state) {
  const std::vector<LabelledText> rows = texts(150, 100);
  for (auto _ : state) benchmark::DoNotOptimize(fit_classifier(rows, {.threads = 1}));
}
BENCHMARK(fit_15000_texts)->Unit(benchmark::kSecond)->Iterations(1);

}  // namespace
}  // namespace suffice::learned
