#include "workflow/documents/bm25.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/text.hpp"

namespace suffice::workflow {

namespace {

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80U;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  const std::string folded = fold_case(text);
  std::vector<std::string> words;
  for (std::size_t at = 0; at < folded.size();) {
    if (!is_word_byte(folded[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < folded.size() && is_word_byte(folded[at])) ++at;
    words.push_back(folded.substr(begin, at - begin));
  }
  return words;
}

Bm25::Bm25(std::span<const std::string_view> pieces, Options options) : options_(options) {
  double total = 0;
  for (std::size_t piece = 0; piece < pieces.size(); ++piece) {
    const std::vector<std::string> words = words_of(pieces[piece]);
    for (const std::string& word : words) {
      std::vector<Posting>& postings = postings_[word];
      if (postings.empty() || postings.back().piece != piece) {
        postings.push_back({.piece = static_cast<std::uint32_t>(piece), .count = 0});
      }
      ++postings.back().count;
    }
    length_norm_.push_back(static_cast<double>(words.size()));
    total += static_cast<double>(words.size());
  }
  const double average = total > 0 ? total / static_cast<double>(pieces.size()) : 1;
  for (double& length : length_norm_) length = options_.k1 * (1 - options_.b + options_.b * length / average);
}

double Bm25::idf(const std::string& word) const {
  const auto found = postings_.find(word);
  const double having = found == postings_.end() ? 0 : static_cast<double>(found->second.size());
  const auto pieces = static_cast<double>(length_norm_.size());
  return std::log(1 + (pieces - having + 0.5) / (having + 0.5));
}

std::vector<double> Bm25::scores(std::string_view query) const {
  std::vector<double> scores(length_norm_.size(), 0.0);
  const std::vector<std::string> words = words_of(query);
  for (const std::string& word : std::set<std::string>(words.begin(), words.end())) {
    const auto found = postings_.find(word);
    if (found == postings_.end()) continue;
    const double weight = idf(word);
    for (const Posting& posting : found->second) {
      const double f = posting.count;
      scores[posting.piece] += weight * f * (options_.k1 + 1) / (f + length_norm_[posting.piece]);
    }
  }
  return scores;
}

std::vector<std::size_t> best_of(std::span<const double> scores, std::size_t count) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(
      order, [&](std::size_t a, std::size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  order.resize(std::min(count, order.size()));
  return order;
}

}  // namespace suffice::workflow
