#pragma once
// Texts turned into vectors, as plain values: what every embeddings dialect is translated to and from.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/usage.hpp"

namespace suffice {

struct EmbeddingRequest {
  std::string model;  ///< as the caller says it; to a provider: as that knows it
  std::vector<std::string> texts;
  std::optional<std::int64_t> dimensions;  ///< unset: all the model has
  std::string user;
  bool operator==(const EmbeddingRequest&) const = default;
};

struct EmbeddingAnswer {
  std::vector<std::vector<float>> vectors;  ///< in the order of the texts, all of one length, finite
  std::optional<Usage> usage;               ///< absent when the provider sent none
  std::string model;                        ///< as the provider named it
  bool operator==(const EmbeddingAnswer&) const = default;
};

}  // namespace suffice
