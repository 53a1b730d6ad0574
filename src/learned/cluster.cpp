#include "learned/cluster.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "core/hash.hpp"
#include "core/random.hpp"
#include "core/text.hpp"

namespace suffice::learned {
namespace {

constexpr double kSameCluster = 0.3;
constexpr std::size_t kIdDigits = 8;

struct Term {
  std::uint32_t word = 0;
  double weight = 0;
};
/// One text: terms by rising word, of length 1; empty for a text without known words.
using Row = std::vector<Term>;
using Centre = std::vector<double>;

struct Matrix {
  std::vector<Row> rows;
  std::vector<std::string> words;
};

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

std::vector<std::string> words_of(const std::string& text) {
  const std::string folded = fold_case(text);
  std::vector<std::string> words;
  for (std::size_t at = 0; at < folded.size();) {
    const std::size_t begin = at;
    while (at < folded.size() && is_word_byte(folded[at])) ++at;
    if (at - begin >= 2) words.push_back(folded.substr(begin, at - begin));
    if (at == begin) ++at;
  }
  return words;
}

void to_length_one(Row& row) {
  double square = 0;
  for (const Term& term : row) square += term.weight * term.weight;
  for (Term& term : row) term.weight /= std::sqrt(square);
}

/// TF-IDF as LinearClassifier's: (1 + ln count) * (ln((1 + texts) / (1 + texts with the word)) + 1).
Matrix matrix_of(std::span<const std::string> texts, double in_texts_max) {
  std::vector<std::vector<std::string>> words;
  std::unordered_map<std::string, std::uint32_t> in_texts;
  for (const std::string& text : texts) {
    words.push_back(words_of(text));
    for (const std::string& word : std::set<std::string>(words.back().begin(), words.back().end())) ++in_texts[word];
  }
  const double most = std::max(2.0, in_texts_max * static_cast<double>(texts.size()));
  Matrix matrix;
  for (const auto& [word, count] : in_texts) {
    if (count >= 2 && count <= most) matrix.words.push_back(word);
  }
  std::ranges::sort(matrix.words);
  for (const std::vector<std::string>& list : words) {
    std::unordered_map<std::uint32_t, int> counts;
    for (const std::string& word : list) {
      const auto found = std::ranges::lower_bound(matrix.words, word);
      if (found != matrix.words.end() && *found == word)
        ++counts[static_cast<std::uint32_t>(found - matrix.words.begin())];
    }
    Row row;
    for (const auto& [word, count] : counts) {
      const double rarity = (1 + static_cast<double>(texts.size())) / (1 + in_texts.at(matrix.words[word]));
      row.push_back({.word = word, .weight = (1 + std::log(count)) * (std::log(rarity) + 1)});
    }
    std::ranges::sort(row, {}, &Term::word);
    to_length_one(row);
    matrix.rows.push_back(std::move(row));
  }
  return matrix;
}

double dot(const Row& row, const Centre& centre) {
  double sum = 0;
  for (const Term& term : row) sum += term.weight * centre[term.word];
  return sum;
}

/// Where every row is, and how well that fits.
struct Placing {
  std::vector<std::size_t> of_row;
  double fit = 0;  ///< sum of cosines to the centres
};

/// The sums of the rows of each cluster, which point where its centre is.
std::vector<Centre> sums_of(const Matrix& matrix, const std::vector<std::size_t>& placed, const Placing& placing,
                            std::size_t k) {
  std::vector<Centre> sums(k, Centre(matrix.words.size()));
  for (std::size_t i = 0; i < placed.size(); ++i) {
    for (const Term& term : matrix.rows[placed[i]]) sums[placing.of_row[i]][term.word] += term.weight;
  }
  return sums;
}

void to_length_one(Centre& centre) {
  const double length = std::sqrt(std::inner_product(centre.begin(), centre.end(), centre.begin(), 0.0));
  if (length == 0) return;
  for (double& weight : centre) weight /= length;
}

/// k-means++ (Arthur and Vassilvitskii 2007) with cosine distance: far rows are likelier to become centres.
std::vector<Centre> first_centres(const Matrix& matrix, const std::vector<std::size_t>& placed, std::size_t k,
                                  Random& random) {
  std::vector<Centre> centres;
  std::vector<double> distance(placed.size(), 1);
  while (centres.size() < k) {
    const double total = std::accumulate(distance.begin(), distance.end(), 0.0);
    double mark = random.uniform() * total;
    std::size_t chosen = 0;
    while (chosen + 1 < placed.size() && mark >= distance[chosen]) mark -= distance[chosen++];
    Centre centre(matrix.words.size());
    for (const Term& term : matrix.rows[placed[chosen]]) centre[term.word] = term.weight;
    for (std::size_t i = 0; i < placed.size(); ++i)
      distance[i] = std::min(distance[i], std::max(0.0, 1 - dot(matrix.rows[placed[i]], centre)));
    centres.push_back(std::move(centre));
  }
  return centres;
}

Placing place(const Matrix& matrix, const std::vector<std::size_t>& placed, const std::vector<Centre>& centres) {
  Placing placing;
  for (const std::size_t row : placed) {
    double best = -1;
    std::size_t at = 0;
    for (std::size_t c = 0; c < centres.size(); ++c) {
      const double cosine = dot(matrix.rows[row], centres[c]);
      if (cosine > best) best = cosine, at = c;
    }
    placing.of_row.push_back(at);
    placing.fit += best;
  }
  return placing;
}

Placing k_means(const Matrix& matrix, const std::vector<std::size_t>& placed, std::size_t k,
                const ClusterOptions& options, Random& random) {
  Placing best;
  for (int restart = 0; restart < options.restarts; ++restart) {
    std::vector<Centre> centres = first_centres(matrix, placed, k, random);
    Placing now = place(matrix, placed, centres);
    for (int round = 0; round < options.rounds_max; ++round) {
      centres = sums_of(matrix, placed, now, k);
      for (Centre& centre : centres) to_length_one(centre);
      Placing next = place(matrix, placed, centres);
      const bool still = next.of_row == now.of_row;
      now = std::move(next);
      if (still) break;
    }
    if (best.of_row.empty() || now.fit > best.fit) best = std::move(now);
  }
  return best;
}

/// By row, of cosine distances. The mean distance to a cluster is one less the row's product with the cluster's mean, so all of them
/// together are linear in the rows.
std::vector<double> silhouettes(const Matrix& matrix, const std::vector<std::size_t>& placed, const Placing& placing,
                                std::size_t k) {
  const std::vector<Centre> sums = sums_of(matrix, placed, placing, k);
  std::vector<double> size(k);
  for (const std::size_t at : placing.of_row) size[at] += 1;
  std::vector<double> all;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const std::size_t own = placing.of_row[i];
    if (size[own] == 1) {
      all.push_back(0);  // Rousseeuw's convention for a cluster of one
      continue;
    }
    const Row& row = matrix.rows[placed[i]];
    const double within = (size[own] - dot(row, sums[own])) / (size[own] - 1);
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < k; ++c) {
      if (c != own && size[c] > 0) nearest = std::min(nearest, 1 - dot(row, sums[c]) / size[c]);
    }
    const double larger = std::max(within, nearest);
    all.push_back(std::isinf(nearest) || larger == 0 ? 0 : (nearest - within) / larger);
  }
  return all;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<std::string> heaviest(const Centre& centre, const Matrix& matrix, std::size_t count) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t word = 0; word < centre.size(); ++word) {
    if (centre[word] > 0) order.push_back(word);
  }
  std::ranges::sort(
      order, [&](std::uint32_t a, std::uint32_t b) { return centre[a] != centre[b] ? centre[a] > centre[b] : a < b; });
  if (order.size() > count) order.resize(count);
  std::vector<std::string> terms;
  for (const std::uint32_t word : order) terms.push_back(matrix.words[word]);
  return terms;
}

std::string id_of(std::vector<std::string> terms) {
  std::ranges::sort(terms);
  std::string joined;
  for (const std::string& term : terms) joined += term + "\n";
  return "c-" + sha256_hex(joined).substr(0, kIdDigits);
}

std::vector<Cluster> described(const Matrix& matrix, const std::vector<std::size_t>& placed, const Placing& placing,
                               std::size_t k, std::size_t terms) {
  std::vector<Centre> centres = sums_of(matrix, placed, placing, k);
  for (Centre& centre : centres) to_length_one(centre);
  const std::vector<double> fits = silhouettes(matrix, placed, placing, k);
  std::vector<Cluster> clusters(k);
  std::vector<double> nearest(k, -1);
  for (std::size_t i = 0; i < placed.size(); ++i) {
    const std::size_t at = placing.of_row[i];
    const double cosine = dot(matrix.rows[placed[i]], centres[at]);
    clusters[at].rows.push_back(placed[i]);
    clusters[at].cohesion += cosine;
    clusters[at].silhouette += fits[i];
    if (cosine > nearest[at]) nearest[at] = cosine, clusters[at].medoid = placed[i];
  }
  for (std::size_t c = 0; c < k; ++c) {
    const auto size = static_cast<double>(clusters[c].rows.size());
    clusters[c].cohesion /= size;
    clusters[c].silhouette /= size;
    clusters[c].terms = heaviest(centres[c], matrix, terms);
    clusters[c].id = id_of(clusters[c].terms);
  }
  std::erase_if(clusters, [](const Cluster& one) { return one.rows.empty(); });
  std::ranges::sort(clusters, [](const Cluster& a, const Cluster& b) {
    return a.rows.size() != b.rows.size() ? a.rows.size() > b.rows.size() : a.rows.front() < b.rows.front();
  });
  return clusters;
}

double overlap(std::vector<std::string> a, std::vector<std::string> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  std::vector<std::string> both;
  std::ranges::set_intersection(a, b, std::back_inserter(both));
  const std::size_t either = a.size() + b.size() - both.size();
  return either == 0 ? 0 : static_cast<double>(both.size()) / static_cast<double>(either);
}

}  // namespace

Result<Clustering> cluster(std::span<const std::string> texts, const ClusterOptions& options) {
  if (options.clusters_min < 2 || options.clusters_max < options.clusters_min)
    return fail(ErrorCode::InvalidArgument,
                "the number of clusters must be 2 at least, and the most not below the least");
  const Matrix matrix = matrix_of(texts, options.in_texts_max);
  Clustering clustering;
  std::vector<std::size_t> placed;
  for (std::size_t i = 0; i < texts.size(); ++i) (matrix.rows[i].empty() ? clustering.unplaced : placed).push_back(i);
  if (placed.size() < options.clusters_min)
    return fail(ErrorCode::InvalidArgument, "there are fewer texts that share words than clusters");
  SeededRandom random(options.seed);
  const std::size_t most = std::min(options.clusters_max, placed.size());
  std::optional<std::pair<std::size_t, Placing>> best;
  for (std::size_t k = options.clusters_min; k <= most; ++k) {
    Placing placing = k_means(matrix, placed, k, options, random);
    const double fit = mean(silhouettes(matrix, placed, placing, k));
    clustering.silhouette_of_k.push_back(fit);
    if (!best || fit > clustering.silhouette) {
      clustering.silhouette = fit;
      best.emplace(k, std::move(placing));
    }
    if (options.progress && !options.progress(k - options.clusters_min + 1, most - options.clusters_min + 1))
      return fail(ErrorCode::Cancelled, "clustering was stopped");
  }
  clustering.clusters = described(matrix, placed, best->second, best->first, options.terms);
  return clustering;
}

void keep_ids(Clustering& clustering, std::span<const NamedTerms> before) {
  std::vector<std::tuple<double, std::size_t, std::size_t>> pairs;
  for (std::size_t now = 0; now < clustering.clusters.size(); ++now) {
    for (std::size_t then = 0; then < before.size(); ++then) {
      const double shared = overlap(clustering.clusters[now].terms, before[then].terms);
      if (shared >= kSameCluster) pairs.emplace_back(-shared, now, then);
    }
  }
  std::ranges::sort(pairs);
  std::set<std::size_t> named;
  std::set<std::size_t> taken;
  for (const auto& [shared, now, then] : pairs) {
    if (named.contains(now) || taken.contains(then)) continue;
    clustering.clusters[now].id = before[then].id;
    named.insert(now);
    taken.insert(then);
  }
}

}  // namespace suffice::learned
