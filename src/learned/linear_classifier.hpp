#pragma once
// A linear text classifier: labels with probabilities in microseconds. Fitted by fit_classifier.hpp, stored in one file.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "learned/text_features.hpp"

namespace suffice::learned {

/// Where a model comes from; part of its file.
struct Provenance {
  std::string data_sha256;  ///< of the training file
  std::int64_t examples = 0;
  std::uint64_t seed = 0;
  double cost = 0;   ///< liblinear's C
  std::string note;  ///< licence and attribution of the data, for people
  bool operator==(const Provenance&) const = default;
};

/// What a text's labels are worth.
struct LabelScores {
  /// By label: one-vs-rest probabilities, divided by their sum.
  std::vector<double> probability;
  /// Probability that none of the labels is right: the product of one minus each before the division. A hint for texts of another kind.
  double none = 0;
};

/// One-vs-rest logistic regression over TF-IDF of hashed n-grams, 8-bit weights. Immutable; any thread.
///
/// score = sum over n-grams of (1 + ln count) * idf / norm * weight + bias, with idf = ln((1 + documents) / (1 + document frequency)) + 1
/// and the norm (L2) taken of words and of characters apart, as scikit-learn's TfidfVectorizer(sublinear_tf=True) does.
class LinearClassifier {
 public:
  /// The bytes of a file of docs/formats.md, "Classifier". ModelInvalid: not one, cut, altered (SHA-256), or out of bounds.
  static Result<LinearClassifier> from_bytes(std::string bytes);
  /// Maps the file; NotFound, IoFailed, or the errors above.
  static Result<LinearClassifier> load(const std::filesystem::path& file);
  LinearClassifier(LinearClassifier&&) noexcept;
  LinearClassifier& operator=(LinearClassifier&&) noexcept;
  ~LinearClassifier();

  [[nodiscard]] const std::vector<std::string>& labels() const { return labels_; }
  [[nodiscard]] const FeatureSpec& spec() const { return spec_; }
  [[nodiscard]] const Provenance& provenance() const { return provenance_; }
  /// SHA-256 of the file, hex: what the record names a model by.
  [[nodiscard]] const std::string& sha256() const { return sha256_; }
  [[nodiscard]] std::size_t file_bytes() const { return bytes_; }

  /// Of any text, also one without a known n-gram. Linear in its length.
  [[nodiscard]] LabelScores score(std::string_view text) const;

 private:
  struct Storage;
  LinearClassifier();
  static Result<LinearClassifier> read(std::unique_ptr<Storage> storage);
  Result<void> read_header(std::string_view json);
  Result<void> read_arrays(std::string_view body);
  [[nodiscard]] std::vector<float> sums(std::string_view text) const;

  std::unique_ptr<Storage> storage_;  ///< what the spans below point into
  FeatureSpec spec_;
  std::vector<std::string> labels_;
  Provenance provenance_;
  std::string sha256_;
  std::size_t bytes_ = 0;
  std::uint32_t rows_ = 0;
  std::uint32_t entries_ = 0;
  std::vector<std::uint32_t> row_of_bucket_;  ///< row + 1, or 0
  std::span<const float> idf_;                ///< by row
  std::span<const std::uint32_t> first_;      ///< by row: its first entry; one more at the end
  std::span<const float> bias_;               ///< by label
  std::span<const float> scale_;              ///< by label: what 1 of a weight is worth
  std::span<const std::uint16_t> label_of_;   ///< by entry
  std::span<const std::int8_t> weight_;       ///< by entry
};

/// The parts of a file before they are one.
struct ClassifierParts {
  FeatureSpec spec;
  std::vector<std::string> labels;
  Provenance provenance;
  struct Row {
    std::uint32_t bucket = 0;
    float idf = 0;
  };
  std::vector<Row> rows;                    ///< by bucket, ascending
  std::vector<std::vector<float>> weights;  ///< by label, by row
  std::vector<float> bias;                  ///< by label
};

/// The file of `parts`: weights rounded to 8 bits a label, those that round to zero left out.
[[nodiscard]] std::string classifier_bytes(const ClassifierParts& parts);

}  // namespace suffice::learned
