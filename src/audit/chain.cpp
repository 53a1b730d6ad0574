#include "audit/chain.hpp"

#include <utility>

#include "core/hash.hpp"

namespace suffice::audit {

std::string chain_hash(std::string_view previous_hash, std::string_view json) {
  std::string bytes;
  bytes.reserve(previous_hash.size() + 1 + json.size());
  bytes.append(previous_hash).append("\n").append(json);
  return sha256_hex(bytes);
}

std::vector<StoredEvent> chained_behind(const ChainEnd& end, std::vector<StoredEvent> batch) {
  ChainEnd at = end;
  for (StoredEvent& event : batch) {
    event.sequence = ++at.sequence;
    event.previous_hash = std::move(at.hash);
    event.hash = at.hash = chain_hash(event.previous_hash, event.json);
  }
  return batch;
}

}  // namespace suffice::audit
