#include "learned/fit_classifier.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <linear.h>

namespace suffice::learned {
namespace {

constexpr std::size_t kLabelsMax = 65'535;

struct FreeModel {
  void operator()(::model* trained) const { ::free_and_destroy_model(&trained); }
};

/// The examples as liblinear wants them: rows of (feature, value), ended by -1. Features count from 1.
struct Matrix {
  std::vector<ClassifierParts::Row> rows;
  std::vector<::feature_node> nodes;
  std::vector<std::size_t> begins;
  std::vector<::feature_node*> examples;
};

std::vector<std::string> labels_of(std::span<const LabelledText> examples) {
  std::vector<std::string> labels;
  for (const LabelledText& example : examples) labels.push_back(example.label);
  std::ranges::sort(labels);
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  return labels;
}

/// n-grams that enough texts have, with their idf.
std::vector<ClassifierParts::Row> rows_of(const std::vector<std::vector<FeatureCount>>& texts,
                                          const FitOptions& options) {
  std::vector<std::uint32_t> frequency(options.spec.buckets(), 0);
  for (const std::vector<FeatureCount>& text : texts) {
    for (const FeatureCount& feature : text) ++frequency[feature.bucket];
  }
  std::vector<ClassifierParts::Row> rows;
  const auto documents = static_cast<double>(texts.size());
  for (std::uint32_t bucket = 0; bucket < frequency.size(); ++bucket) {
    if (frequency[bucket] < static_cast<std::uint32_t>(options.document_frequency_min)) continue;
    const double idf = std::log((1 + documents) / (1 + static_cast<double>(frequency[bucket]))) + 1;
    rows.push_back({.bucket = bucket, .idf = static_cast<float>(idf)});
  }
  return rows;
}

void append_example(const std::vector<FeatureCount>& text, const std::vector<std::uint32_t>& row_of_bucket,
                    const FeatureSpec& spec, Matrix& matrix) {
  const std::size_t begin = matrix.nodes.size();
  double squares[2] = {0, 0};
  for (const FeatureCount& feature : text) {
    const std::uint32_t row = row_of_bucket[feature.bucket];
    if (row == 0) continue;
    const double value = (1 + std::log(static_cast<double>(feature.count))) * matrix.rows[row - 1].idf;
    squares[spec.is_word(feature.bucket) ? 0 : 1] += value * value;
    matrix.nodes.push_back({.index = static_cast<int>(row), .value = value});
  }
  const auto nodes = std::span(matrix.nodes).subspan(begin);
  for (::feature_node& node : nodes) {
    const std::uint32_t bucket = matrix.rows[static_cast<std::size_t>(node.index) - 1].bucket;
    node.value /= std::sqrt(squares[spec.is_word(bucket) ? 0 : 1]);
  }
  std::ranges::sort(nodes, {}, &::feature_node::index);
  matrix.begins.push_back(begin);
}

Matrix matrix_of(std::span<const LabelledText> examples, const FitOptions& options) {
  FeatureCounter counter(options.spec);
  std::vector<std::vector<FeatureCount>> texts;
  for (const LabelledText& example : examples) {
    const std::span<const FeatureCount> counted = counter.count(example.text);
    texts.emplace_back(counted.begin(), counted.end());
  }
  Matrix matrix;
  matrix.rows = rows_of(texts, options);
  std::vector<std::uint32_t> row_of_bucket(options.spec.buckets(), 0);
  for (std::uint32_t row = 0; row < matrix.rows.size(); ++row) row_of_bucket[matrix.rows[row].bucket] = row + 1;
  const int bias = static_cast<int>(matrix.rows.size()) + 1;
  for (const std::vector<FeatureCount>& text : texts) {
    append_example(text, row_of_bucket, options.spec, matrix);
    matrix.nodes.push_back({.index = bias, .value = 1});
    matrix.nodes.push_back({.index = -1, .value = 0});
  }
  for (const std::size_t begin : matrix.begins) matrix.examples.push_back(matrix.nodes.data() + begin);
  return matrix;
}

/// Weights of "this label or another", the bias behind them.
std::vector<double> fit_label(Matrix& matrix, const std::vector<std::uint32_t>& label_of, std::uint32_t label,
                              const FitOptions& options) {
  std::vector<double> wanted;
  for (const std::uint32_t of : label_of) wanted.push_back(of == label ? 1 : -1);
  const int features = static_cast<int>(matrix.rows.size()) + 1;
  // The bias is an example's last feature already.
  const ::problem problem{.l = static_cast<int>(matrix.examples.size()),
                          .n = features,
                          .y = wanted.data(),
                          .x = matrix.examples.data(),
                          .bias = -1};
  ::parameter parameter{};
  parameter.solver_type = L2R_LR;  // primal: no randomness
  parameter.C = options.cost;
  parameter.eps = options.tolerance;
  const std::unique_ptr<::model, FreeModel> trained(::train(&problem, &parameter));
  const double sign = trained->label[0] == 1 ? 1 : -1;
  std::vector<double> weights(trained->w, trained->w + features);
  for (double& weight : weights) weight *= sign;
  return weights;
}

Result<void> check(std::span<const LabelledText> examples, const std::vector<std::string>& labels,
                   const FitOptions& options) {
  const FeatureSpec& spec = options.spec;
  if (labels.size() < 2 || labels.size() > kLabelsMax || labels.front().empty()) {
    return fail(ErrorCode::InvalidArgument, "a classifier needs 2 to 65,535 labels, none of them empty; the data has " +
                                                std::to_string(labels.size()));
  }
  if (examples.size() > 10'000'000) return fail(ErrorCode::InvalidArgument, "more than 10,000,000 examples");
  if (spec.bucket_bits < 10 || spec.bucket_bits > 22 || spec.word_ngrams < 0 || spec.word_ngrams > 8 ||
      spec.char_ngrams_min < 1 || spec.char_ngrams_max > 16 || !(options.cost > 0) || !(options.tolerance > 0)) {
    return fail(ErrorCode::InvalidArgument, "features, cost or tolerance are out of range");
  }
  return {};
}

}  // namespace

Result<std::string> fit_classifier(std::span<const LabelledText> examples, const FitOptions& options) {
  ClassifierParts parts;
  parts.labels = labels_of(examples);
  SUFFICE_TRY_VOID(check(examples, parts.labels, options));
  ::set_print_string_function([](const char*) {});
  Matrix matrix = matrix_of(examples, options);
  std::vector<std::uint32_t> label_of;
  for (const LabelledText& example : examples) {
    const auto place = std::ranges::lower_bound(parts.labels, example.label);
    label_of.push_back(static_cast<std::uint32_t>(place - parts.labels.begin()));
  }

  parts.weights.resize(parts.labels.size());
  parts.bias.resize(parts.labels.size());
  std::atomic<std::uint32_t> next{0};
  std::atomic<bool> cancelled{false};
  std::mutex mutex;
  std::size_t done = 0;
  const auto work = [&] {
    for (std::uint32_t label = next++; label < parts.labels.size() && !cancelled; label = next++) {
      const std::vector<double> weights = fit_label(matrix, label_of, label, options);
      parts.weights[label].assign(weights.begin(), weights.end() - 1);
      parts.bias[label] = static_cast<float>(weights.back());
      const std::lock_guard lock(mutex);
      ++done;
      if (options.progress && !options.progress(done, parts.labels.size())) cancelled = true;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < options.threads; ++i) threads.emplace_back(work);
    work();
  }
  if (cancelled) return fail(ErrorCode::Cancelled, "the fit was stopped");
  parts.spec = options.spec;
  parts.rows = std::move(matrix.rows);
  parts.provenance = options.provenance;
  parts.provenance.examples = static_cast<std::int64_t>(examples.size());
  parts.provenance.cost = options.cost;
  return classifier_bytes(parts);
}

}  // namespace suffice::learned
