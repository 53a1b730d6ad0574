#include "learned/linear_classifier.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <boost/json.hpp>

#include "core/hash.hpp"
#include "wire/json.hpp"
#include "wire/json_writer.hpp"

namespace suffice::learned {
namespace {

namespace json = boost::json;

static_assert(std::endian::native == std::endian::little, "the file's numbers are read where they lie");

constexpr std::string_view kMagic = "SUFLIN01";
constexpr std::size_t kPreludeBytes = 16;  // magic, header size, zero
constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kLabelsMax = 65'535;

std::unexpected<Error> broken(std::string_view what) {
  return fail(ErrorCode::ModelInvalid, "not a classifier file: " + std::string(what));
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

/// Cuts arrays off the front of the bytes.
class ArrayReader {
 public:
  explicit ArrayReader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  Result<std::span<const T>> take(std::size_t count) {
    if (bytes_.size() / sizeof(T) < count) return broken("it is cut off");
    const std::span<const T> array(reinterpret_cast<const T*>(bytes_.data()), count);
    bytes_.remove_prefix(count * sizeof(T));
    return array;
  }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

template <class T>
void append(std::string& out, std::span<const T> values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

bool all_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// One counter a thread and spec: it is a megabyte that only its next user empties.
FeatureCounter& counter_of(const FeatureSpec& spec) {
  thread_local std::vector<std::pair<FeatureSpec, std::unique_ptr<FeatureCounter>>> counters;
  for (const auto& [known, counter] : counters) {
    if (known == spec) return *counter;
  }
  return *counters.emplace_back(spec, std::make_unique<FeatureCounter>(spec)).second;
}

}  // namespace

/// A mapped file or bytes in memory, aligned for every array.
struct LinearClassifier::Storage {
  std::vector<std::uint64_t> owned;
  void* mapped = nullptr;
  std::size_t size = 0;

  Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  ~Storage() {
    if (mapped != nullptr) ::munmap(mapped, size);
  }
  [[nodiscard]] std::string_view bytes() const {
    return {mapped != nullptr ? static_cast<const char*>(mapped) : reinterpret_cast<const char*>(owned.data()), size};
  }
};

LinearClassifier::LinearClassifier() = default;
LinearClassifier::LinearClassifier(LinearClassifier&&) noexcept = default;
LinearClassifier& LinearClassifier::operator=(LinearClassifier&&) noexcept = default;
LinearClassifier::~LinearClassifier() = default;

Result<LinearClassifier> LinearClassifier::from_bytes(std::string bytes) {
  auto storage = std::make_unique<Storage>();
  storage->size = bytes.size();
  storage->owned.resize(bytes.size() / sizeof(std::uint64_t) + 1);
  std::memcpy(storage->owned.data(), bytes.data(), bytes.size());
  return read(std::move(storage));
}

Result<LinearClassifier> LinearClassifier::load(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    const bool missing = errno == ENOENT;
    return fail(missing ? ErrorCode::NotFound : ErrorCode::IoFailed,
                missing ? "no such file; `suffice fit classifier` makes one" : "cannot be opened", file.string());
  }
  auto storage = std::make_unique<Storage>();
  struct stat facts{};
  const bool regular = ::fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0;
  if (regular) {
    storage->size = static_cast<std::size_t>(facts.st_size);
    void* mapped = ::mmap(nullptr, storage->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapped != MAP_FAILED) storage->mapped = mapped;
  }
  ::close(descriptor);
  if (storage->mapped == nullptr)
    return fail(ErrorCode::ModelInvalid, "not a file with something in it", file.string());
  Result<LinearClassifier> made = read(std::move(storage));
  if (made) return made;
  Error error = std::move(made).error();
  error.where = file.string();
  return fail(std::move(error));
}

Result<LinearClassifier> LinearClassifier::read(std::unique_ptr<Storage> storage) {
  const std::string_view bytes = storage->bytes();
  if (bytes.size() < kPreludeBytes + kDigestBytes || !bytes.starts_with(kMagic))
    return broken("it does not begin as one");
  const std::string_view content = bytes.substr(0, bytes.size() - kDigestBytes);
  const Sha256 digest = suffice::sha256(content);
  if (std::memcmp(digest.data(), bytes.data() + content.size(), kDigestBytes) != 0) {
    return broken("its checksum does not fit; it was cut or altered");
  }
  const std::size_t header = number_at(bytes, kMagic.size());
  if (header % 8 != 0 || header > content.size() - kPreludeBytes) return broken("its header is longer than the file");
  LinearClassifier made;
  made.bytes_ = bytes.size();
  made.sha256_ = sha256_hex(bytes);
  SUFFICE_TRY_VOID(made.read_header(content.substr(kPreludeBytes, header)));
  SUFFICE_TRY_VOID(made.read_arrays(content.substr(kPreludeBytes + header)));
  made.storage_ = std::move(storage);
  return made;
}

Result<void> LinearClassifier::read_header(std::string_view text) {
  const Result<json::value> parsed = wire::parse_json(text);
  if (!parsed || !parsed->is_object()) return broken("its header is no JSON object");
  const json::object& header = parsed->as_object();
  const auto number = [&](std::string_view key) -> std::int64_t {
    const json::value* value = header.if_contains(key);
    return value != nullptr && value->is_int64() ? value->as_int64() : -1;
  };
  const auto word = [&](std::string_view key) {
    const json::value* value = header.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
  };
  spec_ = {.word_ngrams = static_cast<int>(number("word_ngrams")),
           .char_ngrams_min = static_cast<int>(number("char_ngrams_min")),
           .char_ngrams_max = static_cast<int>(number("char_ngrams_max")),
           .bucket_bits = static_cast<int>(number("bucket_bits"))};
  const bool good_spec = spec_.word_ngrams >= 0 && spec_.word_ngrams <= 8 && spec_.char_ngrams_min >= 1 &&
                         spec_.char_ngrams_max >= 0 && spec_.char_ngrams_max <= 16 && spec_.bucket_bits >= 10 &&
                         spec_.bucket_bits <= 22;
  if (number("version") != 1 || !good_spec) return broken("its version or features are unknown to this program");
  const json::value* labels = header.if_contains("labels");
  if (labels == nullptr || !labels->is_array() || labels->as_array().size() > kLabelsMax)
    return broken("it has no labels");
  for (const json::value& label : labels->as_array()) {
    if (!label.is_string() || label.as_string().empty()) return broken("a label is no text");
    labels_.emplace_back(label.as_string());
  }
  if (labels_.size() < 2) return broken("it has fewer than two labels");
  const std::int64_t rows = number("rows");
  const std::int64_t entries = number("entries");
  if (rows < 0 || rows > spec_.buckets() || entries < 0 || entries > rows * static_cast<std::int64_t>(labels_.size())) {
    return broken("its sizes make no sense");
  }
  rows_ = static_cast<std::uint32_t>(rows);
  entries_ = static_cast<std::uint32_t>(entries);
  const json::value* cost = header.if_contains("cost");
  provenance_ = {.data_sha256 = word("data_sha256"),
                 .examples = number("examples"),
                 .seed = static_cast<std::uint64_t>(number("seed")),
                 .cost = cost != nullptr && cost->is_number() ? cost->to_number<double>() : 0,
                 .note = word("note")};
  return {};
}

Result<void> LinearClassifier::read_arrays(std::string_view body) {
  ArrayReader reader(body);
  SUFFICE_TRY(const std::span<const std::uint32_t> buckets, reader.take<std::uint32_t>(rows_));
  SUFFICE_TRY(idf_, reader.take<float>(rows_));
  SUFFICE_TRY(first_, reader.take<std::uint32_t>(rows_ + 1));
  SUFFICE_TRY(bias_, reader.take<float>(labels_.size()));
  SUFFICE_TRY(scale_, reader.take<float>(labels_.size()));
  SUFFICE_TRY(label_of_, reader.take<std::uint16_t>(entries_));
  SUFFICE_TRY(weight_, reader.take<std::int8_t>(entries_));
  if (!reader.empty()) return broken("something stands behind its end");
  const bool in_order = std::ranges::is_sorted(first_) && first_.front() == 0 && first_.back() == entries_ &&
                        std::ranges::adjacent_find(buckets, std::greater_equal<>()) == buckets.end() &&
                        (buckets.empty() || buckets.back() < spec_.buckets());
  const bool labelled = std::ranges::all_of(label_of_, [&](std::uint16_t label) { return label < labels_.size(); });
  if (!in_order || !labelled || !all_finite(idf_) || !all_finite(bias_) || !all_finite(scale_)) {
    return broken("its tables are out of bounds");
  }
  row_of_bucket_.assign(spec_.buckets(), 0);
  for (std::uint32_t row = 0; row < rows_; ++row) row_of_bucket_[buckets[row]] = row + 1;
  return {};
}

std::vector<float> LinearClassifier::sums(std::string_view text) const {
  const std::size_t labels = labels_.size();
  // Words and characters apart: each has its own norm, known only at the end.
  std::vector<float> by_kind(2 * labels, 0.0F);
  double squares[2] = {0, 0};
  for (const FeatureCount& feature : counter_of(spec_).count(text)) {
    const std::uint32_t row = row_of_bucket_[feature.bucket];
    if (row == 0) continue;
    const std::size_t kind = spec_.is_word(feature.bucket) ? 0 : 1;
    const float count = feature.count == 1 ? 1.0F : 1.0F + std::log(static_cast<float>(feature.count));
    const float value = count * idf_[row - 1];
    squares[kind] += static_cast<double>(value) * value;
    float* sum = by_kind.data() + kind * labels;
    for (std::uint32_t entry = first_[row - 1]; entry < first_[row]; ++entry) {
      sum[label_of_[entry]] += value * static_cast<float>(weight_[entry]);
    }
  }
  std::vector<float> sums(labels);
  const auto inverse = [](double square) { return square > 0 ? static_cast<float>(1 / std::sqrt(square)) : 0.0F; };
  const float words = inverse(squares[0]);
  const float characters = inverse(squares[1]);
  for (std::size_t i = 0; i < labels; ++i) {
    sums[i] = (by_kind[i] * words + by_kind[labels + i] * characters) * scale_[i] + bias_[i];
  }
  return sums;
}

LabelScores LinearClassifier::score(std::string_view text) const {
  LabelScores scores;
  scores.none = 1;
  double total = 0;
  for (const float sum : sums(text)) {
    const double probability = sigmoid(sum);
    scores.probability.push_back(probability);
    scores.none *= 1 - probability;
    total += probability;
  }
  for (double& probability : scores.probability) {
    probability = total > 0 ? probability / total : 1.0 / static_cast<double>(scores.probability.size());
  }
  return scores;
}

std::string classifier_bytes(const ClassifierParts& parts) {
  constexpr float kLargest = 127;
  std::vector<float> scale;
  for (const std::vector<float>& weights : parts.weights) {
    float largest = 0;
    for (const float weight : weights) largest = std::max(largest, std::fabs(weight));
    scale.push_back(largest / kLargest);
  }
  std::vector<std::uint32_t> buckets;
  std::vector<float> idf;
  std::vector<std::uint32_t> first{0};
  std::vector<std::uint16_t> label_of;
  std::vector<std::int8_t> weight_of;
  for (std::size_t row = 0; row < parts.rows.size(); ++row) {
    for (std::size_t label = 0; label < parts.labels.size(); ++label) {
      const float steps = scale[label] > 0 ? std::nearbyint(parts.weights[label][row] / scale[label]) : 0;
      if (steps == 0) continue;
      label_of.push_back(static_cast<std::uint16_t>(label));
      weight_of.push_back(static_cast<std::int8_t>(steps));
    }
    // A row without weights still counts in the norm.
    buckets.push_back(parts.rows[row].bucket);
    idf.push_back(parts.rows[row].idf);
    first.push_back(static_cast<std::uint32_t>(label_of.size()));
  }
  std::string header;
  wire::JsonWriter json(header);
  json.begin_object()
      .field("version", 1)
      .field("bucket_bits", parts.spec.bucket_bits)
      .field("word_ngrams", parts.spec.word_ngrams)
      .field("char_ngrams_min", parts.spec.char_ngrams_min)
      .field("char_ngrams_max", parts.spec.char_ngrams_max)
      .field("rows", buckets.size())
      .field("entries", label_of.size())
      .field("data_sha256", parts.provenance.data_sha256)
      .field("examples", parts.provenance.examples)
      .field("seed", static_cast<std::int64_t>(parts.provenance.seed))
      .field("cost", parts.provenance.cost)
      .field("note", parts.provenance.note)
      .key("labels")
      .begin_array();
  for (const std::string& label : parts.labels) json.string(label);
  json.end_array().end_object();
  header.append((8 - header.size() % 8) % 8, ' ');

  std::string out(kMagic);
  const std::uint32_t sizes[2] = {static_cast<std::uint32_t>(header.size()), 0};
  append<std::uint32_t>(out, sizes);
  out += header;
  append<std::uint32_t>(out, buckets);
  append<float>(out, idf);
  append<std::uint32_t>(out, first);
  append<float>(out, parts.bias);
  append<float>(out, scale);
  append<std::uint16_t>(out, label_of);
  append<std::int8_t>(out, weight_of);
  const Sha256 digest = sha256(out);
  append<std::uint8_t>(out, digest);
  return out;
}

}  // namespace suffice::learned
