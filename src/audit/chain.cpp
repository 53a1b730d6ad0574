#include "audit/chain.hpp"

#include "core/hash.hpp"

namespace suffice::audit {

std::string chain_hash(std::string_view previous_hash, std::string_view json) {
  std::string bytes;
  bytes.reserve(previous_hash.size() + 1 + json.size());
  bytes.append(previous_hash).append("\n").append(json);
  return sha256_hex(bytes);
}

}  // namespace suffice::audit
