#pragma once
// ggml's tensor types and llama.cpp's file types by number. Private to models/.

#include <cstdint>
#include <optional>
#include <string_view>

namespace suffice::models {

/// A type packs `block_items` numbers into `block_bytes`.
struct TensorType {
  std::string_view name;
  std::uint32_t block_items = 0;
  std::uint32_t block_bytes = 0;
};
/// Nothing for numbers that ggml 0.27 does not use.
[[nodiscard]] std::optional<TensorType> tensor_type(std::uint32_t number);
/// "Q4_K_M" for 15 and so on; empty when unknown.
[[nodiscard]] std::string_view file_type_name(std::uint64_t number);

}  // namespace suffice::models
