#include "workflow/patterns/minions/span_selector.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include <boost/json.hpp>

#include "core/hash.hpp"
#include "wire/json.hpp"
#include "wire/json_fields.hpp"
#include "workflow/documents/bm25.hpp"
#include "workflow/documents/sentences.hpp"

namespace suffice::workflow::minions {

namespace {

constexpr std::string_view kFormat = "suffice-spans/1";
constexpr std::size_t kLettersLeast = 3;
constexpr Bm25::Options kBm25{};

/// The first that fits is taken away, and the second put in its place.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kEndings = {{{"ies", "y"},
                                                                                     {"ations", ""},
                                                                                     {"ation", ""},
                                                                                     {"ings", ""},
                                                                                     {"ing", ""},
                                                                                     {"ed", ""},
                                                                                     {"ions", ""},
                                                                                     {"ion", ""},
                                                                                     {"es", ""},
                                                                                     {"s", ""},
                                                                                     {"ly", ""},
                                                                                     {"e", ""}}};

std::unexpected<Error> no_model(std::string_view why) {
  return fail(ErrorCode::ModelInvalid, "this is no selection of spans: " + std::string(why), "selector");
}

/// values[i - radius .. i + radius] added up, for every i.
std::vector<double> window_sums(const std::vector<double>& values, std::size_t radius) {
  const std::size_t n = values.size();
  std::vector<double> before(n + 1, 0.0);
  for (std::size_t i = 0; i < n; ++i) before[i + 1] = before[i] + values[i];
  std::vector<double> sums(n);
  for (std::size_t i = 0; i < n; ++i) {
    sums[i] = before[std::min(n, i + radius + 1)] - before[i < radius ? 0 : i - radius];
  }
  return sums;
}

struct CountedWords {
  std::vector<std::string> words;           ///< stems of the question that the text has, in byte order
  std::vector<std::vector<double>> counts;  ///< by word, by unit
  std::vector<double> lengths;              ///< words by unit
};

CountedWords count_words(std::string_view text, std::span<const TextRange> units, const std::set<std::string>& asked) {
  std::map<std::string, std::vector<double>, std::less<>> counts;
  CountedWords counted;
  for (std::size_t unit = 0; unit < units.size(); ++unit) {
    const std::vector<std::string> words = words_of(units[unit].of(text));
    counted.lengths.push_back(static_cast<double>(words.size()));
    for (const std::string& word : words) {
      std::string stem = stem_of(word);
      if (!asked.contains(stem)) continue;
      std::vector<double>& of_word = counts[std::move(stem)];
      of_word.resize(units.size(), 0.0);
      of_word[unit] += 1;
    }
  }
  for (auto& [word, of_word] : counts) {
    counted.words.push_back(word);
    counted.counts.push_back(std::move(of_word));
  }
  return counted;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum > 0 ? sum / static_cast<double>(values.size()) : 1;
}

/// By word: ln(1 + (N - n + 0.5) / (n + 0.5)), n of N windows having it.
std::vector<double> idf_of(const CountedWords& counted, std::size_t radius) {
  std::vector<double> idf;
  for (const std::vector<double>& counts : counted.counts) {
    const std::vector<double> windows = window_sums(counts, radius);
    const auto having = static_cast<double>(std::ranges::count_if(windows, [](double value) { return value > 0; }));
    idf.push_back(std::log(1 + (static_cast<double>(windows.size()) - having + 0.5) / (having + 0.5)));
  }
  return idf;
}

}  // namespace

std::string stem_of(std::string_view word) {
  for (const auto& [ending, instead] : kEndings) {
    if (word.ends_with(ending) && word.size() - ending.size() >= kLettersLeast) {
      return std::string(word.substr(0, word.size() - ending.size())) + std::string(instead);
    }
  }
  return std::string(word);
}

std::vector<TextRange> units_of(const Document& document) {
  switch (document.kind) {
    case DocumentKind::Transcript:
      return split_turns(document.text);
    case DocumentKind::Log:
    case DocumentKind::Code:
    case DocumentKind::Json:
      return split_lines(document.text);
    case DocumentKind::Text:
    case DocumentKind::Markdown:
      break;
  }
  return split_sentences(document.text);
}

Result<SpanSelector> SpanSelector::from_json(std::string_view text) {
  const Result<boost::json::value> value = wire::parse_json(text);
  const boost::json::object* object = value ? value->if_object() : nullptr;
  if (object == nullptr) return no_model("not a JSON object");
  if (wire::string_or_empty(*object, "format") != kFormat) return no_model("another format");
  SpanSelector selector;
  selector.digest_ = sha256_hex(text);
  selector.questions_ = wire::integer_or(*object, "questions", -1);
  const boost::json::array* radii = wire::array_or_null(*object, "radii");
  const boost::json::object* words = wire::object_or_null(*object, "words");
  if (selector.questions_ < 0 || radii == nullptr || radii->empty() || words == nullptr)
    return no_model("members are missing");
  selector.radii_.clear();
  for (const boost::json::value& radius : *radii) {
    const std::optional<std::int64_t> units = wire::to_integer(radius);
    if (!units || *units < 0 || *units > 10'000) return no_model("a radius is no number of units");
    selector.radii_.push_back(static_cast<std::size_t>(*units));
  }
  for (const auto& [word, count] : *words) {
    const std::optional<std::int64_t> questions = wire::to_integer(count);
    if (!questions || *questions < 1 || *questions > selector.questions_)
      return no_model("a word's count is not of its questions");
    selector.words_.emplace(word, *questions);
  }
  return selector;
}

Result<SpanSelector> SpanSelector::load(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ErrorCode::NotFound, "the selector's file cannot be read", file.string());
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return from_json(text);
}

double SpanSelector::weight(const std::string& stem) const {
  if (questions_ == 0) return 1;
  const auto found = words_.find(stem);
  const double having = found == words_.end() ? 0 : static_cast<double>(found->second);
  const double all = static_cast<double>(questions_) + 1;
  return std::log(all / (having + 0.5)) / std::log(all / 0.5);
}

std::vector<double> SpanSelector::scores(std::string_view text, std::span<const TextRange> units,
                                         std::string_view question) const {
  std::set<std::string> asked;
  for (const std::string& word : words_of(question)) asked.insert(stem_of(word));
  const CountedWords counted = count_words(text, units, asked);
  std::vector<double> scores(units.size(), 0.0);
  if (counted.words.empty()) return scores;
  const std::vector<double> idf = idf_of(counted, radii_.front());
  for (const std::size_t radius : radii_) {
    std::vector<double> norm = window_sums(counted.lengths, radius);
    const double average = mean_of(norm);
    for (double& length : norm) length = kBm25.k1 * (1 - kBm25.b + kBm25.b * length / average);
    std::vector<double> of_window(units.size(), 0.0);
    for (std::size_t word = 0; word < counted.words.size(); ++word) {
      const double weighed = idf[word] * weight(counted.words[word]) * (kBm25.k1 + 1);
      const std::vector<double> counts = window_sums(counted.counts[word], radius);
      for (std::size_t i = 0; i < units.size(); ++i)
        of_window[i] += counts[i] > 0 ? weighed * counts[i] / (counts[i] + norm[i]) : 0;
    }
    const double highest = *std::ranges::max_element(of_window);
    for (std::size_t i = 0; i < units.size() && highest > 0; ++i) {
      scores[i] += of_window[i] / highest / static_cast<double>(radii_.size());
    }
  }
  return scores;
}

}  // namespace suffice::workflow::minions
