#pragma once
// `suffice replay` without the command line: recorded outcomes and a few choices to figures, tables and plots.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "lab/evaluation/outcomes.hpp"
#include "lab/evaluation/routers.hpp"
#include "lab/report/report.hpp"

namespace suffice::lab {

struct ReplayOptions {
  std::string file;    ///< for people
  std::string sha256;  ///< of the file's bytes
  std::size_t excluded = 0;
  std::string weak;  ///< models; empty: paired.hpp's usual pair
  std::string strong;
  std::vector<std::string> routers;  ///< empty: all that the rows allow
  std::vector<std::string> gates;    ///< empty: valid, confidence and gate_score where recorded; gates.hpp names them
  std::optional<double> threshold;   ///< of gates that have one; without: chosen on the other half
  double max_loss = 0.01;            ///< of mean quality against the strong model, when a threshold is chosen
  double judge_price = 0;            ///< USD, of judging one answer
  std::map<std::string, double, std::less<>> prices = {};  ///< USD of a call by model, outranks recorded costs
  std::size_t folds = 5;
  std::uint64_t seed = 1;
  int repetitions = 1000;  ///< of each bootstrap
  int random_runs = 200;
  int splits = 10;  ///< halvings for the table of verifiers
  Progress progress = {};
};

struct ReplayTable {
  std::string title;
  std::string note;  ///< how to read it; may be empty
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

struct Replay {
  std::string json;  ///< every figure, by name; one object
  std::vector<ReplayTable> tables;
  std::vector<Plot> plots;
};

/// NotFound, InvalidArgument: a model, router or gate that is not there or cannot be; fewer than ten rows of both models. Cancelled.
[[nodiscard]] Result<Replay> replay(const OutcomeSet& set, const ReplayOptions& options);

/// The tables and plots as one page.
[[nodiscard]] std::string report_of(const Replay& replay, std::string_view title);

/// The figures that differ between two JSON objects of replay(): its place, before, now, change. Figures of one alone are listed as such.
/// MalformedJson or MalformedRequest: `before` is none of ours.
[[nodiscard]] Result<ReplayTable> differences(std::string_view before, std::string_view now);

}  // namespace suffice::lab
