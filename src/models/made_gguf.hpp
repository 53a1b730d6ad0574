#pragma once
// Writes GGUF bytes one field at a time, right ones and wrong ones: for tests and the fuzz driver only.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace suffice::models {

/// Nothing is checked: that is what it is for.
class MadeGguf {
 public:
  MadeGguf& u8(std::uint64_t value) { return little(value, 1); }
  MadeGguf& u32(std::uint64_t value) { return little(value, 4); }
  MadeGguf& u64(std::uint64_t value) { return little(value, 8); }
  MadeGguf& text(std::string_view value) {
    u64(value.size());
    return raw(value);
  }
  MadeGguf& raw(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  MadeGguf& header(std::uint64_t tensors, std::uint64_t entries, std::uint32_t version = 3) {
    return raw("GGUF").u32(version).u64(tensors).u64(entries);
  }
  MadeGguf& entry(std::string_view key, std::string_view value) { return text(key).u32(8).text(value); }
  MadeGguf& entry(std::string_view key, std::uint32_t value) { return text(key).u32(4).u32(value); }
  MadeGguf& texts(std::string_view key, const std::vector<std::string>& values) {
    text(key).u32(9).u32(8).u64(values.size());
    for (const std::string& value : values) text(value);
    return *this;
  }
  MadeGguf& tensor(std::string_view name, const std::vector<std::uint64_t>& shape, std::uint32_t type,
                   std::uint64_t offset) {
    text(name).u32(shape.size());
    for (const std::uint64_t size : shape) u64(size);
    return u32(type).u64(offset);
  }
  /// Fills up to a multiple of `alignment`, then `count` bytes.
  MadeGguf& data(std::size_t count, std::size_t alignment = 32) {
    bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment);
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  MadeGguf& little(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) bytes_ += static_cast<char>(value >> (8U * static_cast<unsigned>(i)));
    return *this;
  }
  std::string bytes_;
};

/// A small file in which every part occurs: two tensors, an array of texts, a template, provenance.
inline std::string good_gguf() {
  MadeGguf file;
  file.header(2, 10)
      .entry("general.architecture", "llama")
      .entry("general.name", "made up")
      .entry("general.license", "MIT")
      .entry("general.author", "nobody")
      .entry("general.file_type", 2U)
      .entry("llama.context_length", 256U)
      .entry("llama.embedding_length", 32U)
      .entry("llama.block_count", 1U)
      .entry("tokenizer.chat_template", "{{ messages }}")
      .texts("tokenizer.ggml.tokens", {"a", "b", "<|im_end|>"})
      .tensor("token_embd.weight", {32, 3}, 2, 0)
      .tensor("output_norm.weight", {32}, 0, 64)
      .data(64 + 128);
  return file.bytes();
}

}  // namespace suffice::models
