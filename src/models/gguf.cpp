#include "models/gguf.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <unistd.h>
#include <unordered_set>

#include "models/gguf_input.hpp"
#include "models/gguf_types.hpp"
#include "models/model_file.hpp"

namespace suffice::models {

bool FileInput::refill() {
  constexpr std::size_t kWindowBytes = 1UL << 18U;
  window_.resize(std::min<std::uint64_t>(kWindowBytes, left()));
  window_begin_ = at_;
  std::size_t filled = 0;
  while (filled < window_.size()) {
    const ssize_t count =
        ::pread(fd_, window_.data() + filled, window_.size() - filled, static_cast<off_t>(window_begin_ + filled));
    if (count <= 0) break;  // cut since it was opened
    filled += static_cast<std::size_t>(count);
  }
  window_.resize(filled);
  return filled > 0;
}

bool FileInput::take(char* to, std::size_t count) {
  if (count > left()) return false;
  while (count > 0) {
    if (at_ < window_begin_ || at_ >= window_begin_ + window_.size()) {
      if (!refill()) return false;
    }
    const std::size_t from = at_ - window_begin_;
    const std::size_t now = std::min(count, window_.size() - from);
    std::memcpy(to, window_.data() + from, now);
    to += now;
    at_ += now;
    count -= now;
  }
  return true;
}

bool FileInput::skip(std::uint64_t count) {
  if (count > left()) return false;
  at_ += count;
  return true;
}

namespace {

/// The GGUF specification's numbers of value types; never renumbered there.
enum class ValueType : std::uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, Text, Array, U64, I64, F64 };
constexpr std::uint32_t kValueTypes = 13;
constexpr std::string_view kValueTypeNames[kValueTypes] = {"u8",   "i8",   "u16",   "i16", "u32", "i32", "f32",
                                                           "bool", "text", "array", "u64", "i64", "f64"};
constexpr std::size_t kValueTypeBytes[kValueTypes] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

constexpr std::uint64_t kUsualAlignment = 32;
constexpr std::uint64_t kAlignmentMax = 1UL << 20U;

std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
  return result;
}

/// `value` rounded up; `alignment` is a power of two and `value` far from the end of its range.
std::uint64_t aligned(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

class HeaderReader {
 public:
  HeaderReader(GgufInput& input, const GgufLimits& limits) : input_(input), limits_(limits) {}

  Result<GgufHeader> read() {
    GgufHeader header;
    header.file_bytes = input_.size();
    SUFFICE_TRY_VOID(read_counts(header));
    for (std::uint64_t i = 0; i < entries_; ++i) SUFFICE_TRY_VOID(read_entry(header));
    for (std::uint64_t i = 0; i < tensors_; ++i) SUFFICE_TRY_VOID(read_tensor(header));
    SUFFICE_TRY_VOID(check_layout(header));
    return header;
  }

 private:
  std::unexpected<Error> damaged(const std::string& what) const {
    return fail(ErrorCode::ModelInvalid, "the GGUF file is damaged: " + what + " (at byte " +
                                             std::to_string(input_.position()) +
                                             "); fetch it again, or compare its SHA-256 with its source's");
  }
  std::unexpected<Error> cut() const { return damaged("it ends in the middle of its header"); }

  template <class T>
  Result<T> number() {
    char bytes[sizeof(T)];
    if (!input_.take(bytes, sizeof bytes)) return cut();
    std::uint64_t value = 0;
    for (std::size_t i = sizeof bytes; i-- > 0;) value = (value << 8U) | static_cast<std::uint8_t>(bytes[i]);
    return static_cast<T>(value);
  }

  Result<std::string> text(std::uint64_t bytes_max, const char* what) {
    SUFFICE_TRY(const std::uint64_t size, number<std::uint64_t>());
    if (size > bytes_max) return damaged(std::string(what) + " of " + std::to_string(size) + " bytes");
    if (size > input_.left()) return cut();
    std::string value(size, '\0');
    if (!input_.take(value.data(), value.size())) return cut();
    return value;
  }

  Result<void> read_counts(GgufHeader& header) {
    char magic[4];
    if (!input_.take(magic, sizeof magic)) {
      return fail(ErrorCode::ModelInvalid, "the model file is too short to be a GGUF (" +
                                               std::to_string(input_.size()) + " bytes); fetch it again");
    }
    if (std::string_view(magic, 4) != "GGUF") {
      return fail(ErrorCode::ModelInvalid,
                  "the model file is not a GGUF: it does not begin with \"GGUF\"; convert it, or give another file");
    }
    SUFFICE_TRY(header.version, number<std::uint32_t>());
    if (header.version != 2 && header.version != 3) {
      return fail(ErrorCode::ModelInvalid, "the model file has GGUF version " + std::to_string(header.version) +
                                               ", and 2 and 3 (little-endian) are known; convert it again");
    }
    SUFFICE_TRY(tensors_, number<std::uint64_t>());
    SUFFICE_TRY(entries_, number<std::uint64_t>());
    if (tensors_ > limits_.tensors_max) return damaged("it claims " + std::to_string(tensors_) + " tensors");
    if (entries_ > limits_.entries_max) return damaged("it claims " + std::to_string(entries_) + " metadata entries");
    return {};
  }

  Result<ValueType> value_type() {
    SUFFICE_TRY(const std::uint32_t type, number<std::uint32_t>());
    if (type >= kValueTypes) return damaged("value type " + std::to_string(type) + " does not exist");
    return static_cast<ValueType>(type);
  }

  Result<void> within_header() const {
    if (input_.position() > limits_.header_bytes_max) return damaged("its header does not end");
    return {};
  }

  Result<void> read_entry(GgufHeader& header) {
    SUFFICE_TRY(std::string key, text(limits_.key_bytes_max, "a key"));
    if (key.empty()) return damaged("a metadata entry without a name");
    if (!names_.insert(key).second) return damaged("a metadata entry twice");
    SUFFICE_TRY(const ValueType type, value_type());
    SUFFICE_TRY(GgufValue value, read_value(type));
    SUFFICE_TRY_VOID(within_header());
    header.entries.emplace_back(std::move(key), std::move(value));
    return {};
  }

  Result<GgufValue> read_value(ValueType type) {
    using enum ValueType;
    switch (type) {
      case U8:
        return widened<std::uint8_t, std::uint64_t>();
      case U16:
        return widened<std::uint16_t, std::uint64_t>();
      case U32:
        return widened<std::uint32_t, std::uint64_t>();
      case U64:
        return widened<std::uint64_t, std::uint64_t>();
      case I8:
        return widened<std::int8_t, std::int64_t>();
      case I16:
        return widened<std::int16_t, std::int64_t>();
      case I32:
        return widened<std::int32_t, std::int64_t>();
      case I64:
        return widened<std::int64_t, std::int64_t>();
      case F32: {
        SUFFICE_TRY(const std::uint32_t bits, number<std::uint32_t>());
        return GgufValue(static_cast<double>(std::bit_cast<float>(bits)));
      }
      case F64: {
        SUFFICE_TRY(const std::uint64_t bits, number<std::uint64_t>());
        return GgufValue(std::bit_cast<double>(bits));
      }
      case Bool: {
        SUFFICE_TRY(const std::uint8_t flag, number<std::uint8_t>());
        if (flag > 1) return damaged("a yes-or-no value of " + std::to_string(flag));
        return GgufValue(flag == 1);
      }
      case Text:
        return read_text();
      case Array:
        return read_array();
    }
    return damaged("an unknown value type");
  }

  template <class Stored, class Wide>
  Result<GgufValue> widened() {
    SUFFICE_TRY(const Stored value, number<Stored>());
    return GgufValue(static_cast<Wide>(value));
  }

  Result<GgufValue> read_text() {
    SUFFICE_TRY(std::string value, text(limits_.string_bytes_max, "a text"));
    strings_bytes_ += value.size();
    if (strings_bytes_ > limits_.strings_bytes_max) return damaged("its texts are too long together");
    return GgufValue(std::move(value));
  }

  Result<GgufValue> read_array() {
    SUFFICE_TRY(const ValueType type, value_type());
    if (type == ValueType::Array) return damaged("an array of arrays");
    SUFFICE_TRY(const std::uint64_t count, number<std::uint64_t>());
    if (count > limits_.array_items_max) return damaged("an array of " + std::to_string(count) + " items");
    const auto index = static_cast<std::size_t>(type);
    if (type != ValueType::Text) {
      if (!input_.skip(count * kValueTypeBytes[index])) return cut();
    } else {
      SUFFICE_TRY_VOID(skip_texts(count));
    }
    return GgufValue(GgufArray{.type = kValueTypeNames[index], .count = count});
  }

  Result<void> skip_texts(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      SUFFICE_TRY(const std::uint64_t size, number<std::uint64_t>());
      if (size > limits_.string_bytes_max) return damaged("a text of " + std::to_string(size) + " bytes");
      if (!input_.skip(size)) return cut();
      SUFFICE_TRY_VOID(within_header());
    }
    return {};
  }

  Result<void> read_tensor(GgufHeader& header) {
    GgufTensor tensor;
    SUFFICE_TRY(tensor.name, text(limits_.tensor_name_bytes_max, "a tensor's name"));
    if (!tensor_names_.insert(tensor.name).second) return damaged("a tensor twice");
    SUFFICE_TRY(const std::uint32_t sizes, number<std::uint32_t>());
    if (sizes > 4) return damaged("a tensor of " + std::to_string(sizes) + " dimensions");
    tensor.elements = 1;
    for (std::uint32_t i = 0; i < sizes; ++i) {
      SUFFICE_TRY(const std::uint64_t size, number<std::uint64_t>());
      const std::optional<std::uint64_t> elements = product(tensor.elements, size);
      if (size == 0 || !elements) return damaged("a tensor of impossible size");
      tensor.elements = *elements;
      tensor.shape.push_back(size);
    }
    SUFFICE_TRY(const std::uint32_t number_of_type, number<std::uint32_t>());
    const std::optional<TensorType> type = tensor_type(number_of_type);
    if (!type) return damaged("tensor type " + std::to_string(number_of_type) + " is not known");
    const std::uint64_t row = tensor.shape.empty() ? 1 : tensor.shape.front();
    if (row % type->block_items != 0) return damaged("a tensor whose rows do not fit its type");
    const std::optional<std::uint64_t> bytes = product(tensor.elements / type->block_items, type->block_bytes);
    if (!bytes) return damaged("a tensor of impossible size");
    tensor.type = type->name;
    tensor.bytes = *bytes;
    SUFFICE_TRY(tensor.offset, number<std::uint64_t>());
    SUFFICE_TRY_VOID(within_header());
    header.tensors.push_back(std::move(tensor));
    return {};
  }

  /// Every tensor inside the file, none over another.
  Result<void> check_layout(GgufHeader& header) const {
    std::uint64_t alignment = kUsualAlignment;
    if (header.find("general.alignment") != nullptr) alignment = header.number("general.alignment");
    if (!std::has_single_bit(alignment) || alignment > kAlignmentMax) return damaged("an impossible alignment");
    header.data_begin = header.tensors.empty() ? input_.position() : aligned(input_.position(), alignment);
    const std::uint64_t data_bytes = header.file_bytes > header.data_begin ? header.file_bytes - header.data_begin : 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;
    for (const GgufTensor& tensor : header.tensors) {
      if (tensor.offset % alignment != 0) return damaged("a tensor out of alignment");
      if (tensor.offset > data_bytes || tensor.bytes > data_bytes - tensor.offset) {
        return damaged("it is cut short: a tensor lies beyond its end");
      }
      spans.emplace_back(tensor.offset, tensor.offset + tensor.bytes);
    }
    std::ranges::sort(spans);
    for (std::size_t i = 1; i < spans.size(); ++i) {
      if (spans[i].first < spans[i - 1].second) return damaged("two tensors in one place");
    }
    return {};
  }

  GgufInput& input_;
  const GgufLimits& limits_;
  std::uint64_t tensors_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t strings_bytes_ = 0;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> tensor_names_;
};

std::string heaviest_type(const GgufHeader& header) {
  std::map<std::string_view, std::uint64_t> elements;
  for (const GgufTensor& tensor : header.tensors) elements[tensor.type] += tensor.elements;
  const auto most = std::ranges::max_element(elements, {}, &std::pair<const std::string_view, std::uint64_t>::second);
  return most == elements.end() ? std::string() : std::string(most->first);
}

/// Keys of general.* that say what a model is, not where it comes from.
bool is_provenance(std::string_view key) {
  if (key.starts_with("suffice.")) return true;
  if (!key.starts_with("general.")) return false;
  constexpr std::string_view kOthers[] = {"general.name",      "general.type",      "general.architecture",
                                          "general.file_type", "general.alignment", "general.quantization_version",
                                          "general.license"};
  return std::ranges::find(kOthers, key) == std::ranges::end(kOthers);
}

std::string words(const GgufValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* natural = std::get_if<std::uint64_t>(&value)) return std::to_string(*natural);
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&value)) return std::to_string(*real);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "yes" : "no";
  const auto& array = std::get<GgufArray>(value);
  return std::to_string(array.count) + " x " + std::string(array.type);
}

}  // namespace

const GgufValue* GgufHeader::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &std::pair<std::string, GgufValue>::first);
  return found == entries.end() ? nullptr : &found->second;
}

std::string GgufHeader::text(std::string_view key) const {
  const GgufValue* value = find(key);
  const auto* text = value != nullptr ? std::get_if<std::string>(value) : nullptr;
  return text != nullptr ? *text : std::string();
}

std::uint64_t GgufHeader::number(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return 0;
  if (const auto* natural = std::get_if<std::uint64_t>(value)) return *natural;
  if (const auto* whole = std::get_if<std::int64_t>(value)) return *whole > 0 ? static_cast<std::uint64_t>(*whole) : 0;
  return 0;
}

Result<GgufHeader> read_gguf(std::string_view bytes, const GgufLimits& limits) {
  MemoryInput input(bytes);
  return HeaderReader(input, limits).read();
}

Result<GgufHeader> read_gguf_file(const std::string& path, const GgufLimits& limits) {
  SUFFICE_TRY(const ModelFile file, ModelFile::open(path));
  FileInput input(file.fd(), file.size());
  Result<GgufHeader> header = HeaderReader(input, limits).read();
  if (!header) return fail(header.error().code, header.error().message, path);
  return header;
}

ModelFacts facts_of(const GgufHeader& header) {
  ModelFacts facts;
  facts.name = header.text("general.name");
  facts.kind = header.text("general.type");
  if (facts.kind.empty()) facts.kind = "model";
  facts.architecture = header.text("general.architecture");
  const std::string prefix = facts.architecture + ".";
  facts.context_length = header.number(prefix + "context_length");
  facts.embedding_length = header.number(prefix + "embedding_length");
  facts.layers = header.number(prefix + "block_count");
  facts.vocabulary = header.number(prefix + "vocab_size");
  if (const GgufValue* tokens = header.find("tokenizer.ggml.tokens")) {
    if (const auto* array = std::get_if<GgufArray>(tokens)) facts.vocabulary = array->count;
  }
  if (header.find("general.file_type") != nullptr)
    facts.quantisation = file_type_name(header.number("general.file_type"));
  if (facts.quantisation.empty()) facts.quantisation = heaviest_type(header);
  for (const GgufTensor& tensor : header.tensors) facts.parameters += tensor.elements;
  facts.tensors = header.tensors.size();
  facts.file_bytes = header.file_bytes;
  facts.chat_template = !header.text("tokenizer.chat_template").empty();
  facts.licence = header.text("general.license");
  for (const auto& [key, value] : header.entries) {
    if (is_provenance(key)) facts.provenance.emplace_back(key, words(value));
  }
  return facts;
}

}  // namespace suffice::models
