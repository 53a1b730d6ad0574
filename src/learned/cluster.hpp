#pragma once
// Texts that belong together: spherical k-means over TF-IDF of words, the number of clusters chosen by silhouette.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace suffice::learned {

struct ClusterOptions {
  std::size_t clusters_min = 2;
  std::size_t clusters_max = 12;
  int restarts = 4;           ///< of each k; the tightest is kept
  int rounds_max = 50;        ///< of moving centres, a restart
  std::size_t terms = 8;      ///< shown of a cluster
  double in_texts_max = 0.5;  ///< words of a greater share of the texts say nothing of a cluster
  std::uint64_t seed = 1;
  /// Told after each k; false ends it with Cancelled.
  std::function<bool(std::size_t done, std::size_t of)> progress = {};
};

struct Cluster {
  /// "c-" and eight hex digits of the SHA-256 of its terms in byte order; or, by keep_ids(), what it was called before.
  std::string id;
  std::vector<std::size_t> rows;   ///< ascending
  std::size_t medoid = 0;          ///< the row nearest to the centre
  std::vector<std::string> terms;  ///< of greatest weight in the centre, heaviest first
  double cohesion = 0;             ///< mean cosine of its rows to the centre
  double silhouette = 0;           ///< mean over its rows
};

struct Clustering {
  std::vector<Cluster> clusters;        ///< largest first
  std::vector<std::size_t> unplaced;    ///< rows without a word that two texts share
  double silhouette = 0;                ///< mean over all placed rows (Rousseeuw 1987), of cosine distances
  std::vector<double> silhouette_of_k;  ///< by k from clusters_min
};

/// Clusters of `texts`; the same texts in the same order, options and seed give the same result. Words are folded runs of letters, digits
/// and '_', of two bytes at least, that occur in two texts at least. Linear in texts times k, a restart and round.
/// Errors: InvalidArgument (clusters_min below 2 or above clusters_max, fewer placed texts than clusters_min), Cancelled.
[[nodiscard]] Result<Clustering> cluster(std::span<const std::string> texts, const ClusterOptions& options);

/// What keep_ids() needs of an earlier clustering.
struct NamedTerms {
  std::string id;
  std::vector<std::string> terms;
};

/// Gives clusters the ids of those they were before: pairs by greatest overlap of terms (Jaccard), each id once, from 0.3 on.
void keep_ids(Clustering& clustering, std::span<const NamedTerms> before);

}  // namespace suffice::learned
