#pragma once
// Routers that see only the request: a score by row, the higher the more the strong model is worth.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "lab/evaluation/paired.hpp"
#include "learned/linear_classifier.hpp"

namespace suffice::lab {

enum class RouterKind : std::uint8_t {
  Length,  ///< code points of the text: long requests are hard. Nothing is fitted
  Table,   ///< mean gain of the row's task
  Linear,  ///< hashed TF-IDF and logistic regression: P(strong better) - P(weak better)
};

[[nodiscard]] std::string_view name_of(RouterKind kind);
/// "length", "table", "linear"; InvalidArgument lists them.
[[nodiscard]] Result<RouterKind> router_named(std::string_view name);

/// Told what is being done and how much of it is; false stops with Cancelled.
using Progress = std::function<bool(std::string_view step, double share)>;

struct FoldOptions {
  std::size_t folds = 5;  ///< 2 at least; each is scored by what was fitted on the others
  std::uint64_t seed = 1;
  Progress progress = {};
};

/// The linear router of all `rows`, as bytes of a classifier file with the labels strong, weak (that one's answer was better) and same. What
/// it is worth is router_score()'s business, which never scores a row by what was fitted on it. Errors: as there.
[[nodiscard]] Result<std::string> fit_linear_router(const PairedRows& rows, learned::Provenance provenance,
                                                    const Progress& progress);

/// InvalidArgument: no texts (tasks) to go by, or a fold without rows to fit on; Cancelled.
[[nodiscard]] Result<std::vector<double>> router_score(RouterKind kind, const PairedRows& rows,
                                                       const FoldOptions& options);

}  // namespace suffice::lab
