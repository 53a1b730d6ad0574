#pragma once
// Reads what a GGUF file says about itself, without libllama and without trusting it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.hpp"

namespace suffice::models {

/// What a file may claim. Each is far above any published model and far below what would hurt; beyond it the file is refused.
struct GgufLimits {
  std::uint64_t entries_max = 16'384;
  std::uint64_t tensors_max = 65'536;
  std::uint64_t key_bytes_max = 65'535;         ///< the GGUF specification's own
  std::uint64_t tensor_name_bytes_max = 64;     ///< ggml's own (GGML_MAX_NAME)
  std::uint64_t string_bytes_max = 1UL << 20U;  ///< chat templates take up to some 30 kB
  std::uint64_t strings_bytes_max = 16UL << 20U;
  std::uint64_t array_items_max = 8'000'000;      ///< merges of the largest vocabularies: under a million
  std::uint64_t header_bytes_max = 512UL << 20U;  ///< entries and tensor list together; published ones: under 30 MiB
};

/// An array's kind and length; its items are checked for form and left in the file.
struct GgufArray {
  std::string_view type;
  std::uint64_t count = 0;
  bool operator==(const GgufArray&) const = default;
};
using GgufValue = std::variant<std::uint64_t, std::int64_t, double, bool, std::string, GgufArray>;

struct GgufTensor {
  std::string name;
  std::string_view type;             ///< "Q4_0", ...
  std::vector<std::uint64_t> shape;  ///< 1 to 4 sizes, the innermost first
  std::uint64_t elements = 0;
  std::uint64_t offset = 0;  ///< from the beginning of the tensor data
  std::uint64_t bytes = 0;
};

struct GgufHeader {
  std::uint32_t version = 0;
  std::vector<std::pair<std::string, GgufValue>> entries;  ///< in the file's order
  std::vector<GgufTensor> tensors;                         ///< in the file's order
  std::uint64_t data_begin = 0;
  std::uint64_t file_bytes = 0;

  [[nodiscard]] const GgufValue* find(std::string_view key) const;
  [[nodiscard]] std::string text(std::string_view key) const;      ///< "" when missing or no text
  [[nodiscard]] std::uint64_t number(std::string_view key) const;  ///< 0 when missing, negative or no integer
};

/// The whole header of a GGUF of version 2 or 3 in memory: magic, every metadata entry, every tensor's description.
///
/// ModelInvalid says what is wrong and at which byte: anything over a limit, cut short, unknown types, doubled keys or names,
/// sizes that overflow or do not fit their type's blocks, tensors beyond the end of the file or over each other. What passes
/// can still be a bad model; only the engine finds that out. Cost: O(header). Any thread.
[[nodiscard]] Result<GgufHeader> read_gguf(std::string_view bytes, const GgufLimits& limits = {});
/// The same of a file; reads its header only. Also ModelInvalid for what is missing, unreadable or not a regular file (a FIFO is
/// never waited for). `where` is the path.
[[nodiscard]] Result<GgufHeader> read_gguf_file(const std::string& path, const GgufLimits& limits = {});

/// What a person wants to know of a model file.
struct ModelFacts {
  std::string name;          ///< general.name
  std::string kind;          ///< general.type: "model" when the file does not say; "adapter" for a LoRA
  std::string architecture;  ///< "llama", ...
  std::string quantisation;  ///< of general.file_type ("Q4_K_M"), else the type most weights have
  std::uint64_t parameters = 0;
  std::uint64_t context_length = 0;
  std::uint64_t embedding_length = 0;
  std::uint64_t layers = 0;
  std::uint64_t vocabulary = 0;
  std::uint64_t tensors = 0;
  std::uint64_t file_bytes = 0;
  bool chat_template = false;
  std::string licence;
  /// Where it comes from, as far as the file says: authors, base models, data sets, training (general.*, suffice.*), in the file's order.
  std::vector<std::pair<std::string, std::string>> provenance;
};
[[nodiscard]] ModelFacts facts_of(const GgufHeader& header);

}  // namespace suffice::models
