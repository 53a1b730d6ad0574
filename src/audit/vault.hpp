#pragma once
// The vault: the whole texts of requests whose task asked for it, encrypted, for a limited time.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "audit/store.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"

namespace suffice::audit {

/// What is kept of one request: the texts whose hashes the event has.
struct KeptTexts {
  std::string input;
  std::string output;
  bool operator==(const KeptTexts&) const = default;
};

/// Seals and opens with one key. AES-256-GCM (NIST SP 800-38D) by OpenSSL, a random 96-bit nonce for each event; the event's id and the
/// expiry are authenticated, so that neither can be exchanged. Any thread. The key is overwritten at the end.
class Vault {
 public:
  static constexpr std::size_t kKeyBytes = 32;

  /// `key` is 64 hex digits (`openssl rand -hex 32`). ConfigInvalid for anything else, never quoting it.
  static Result<Vault> create(std::string_view key);
  Vault(const Vault&) = default;
  Vault& operator=(const Vault&) = default;
  ~Vault();

  /// The stored form: hex of "SUFV", a byte 1, 4 bytes that name the key, the nonce, the ciphertext, the tag. Never changed.
  [[nodiscard]] Result<SealedTexts> seal(std::string id, WallTime expires, const KeptTexts& texts) const;
  /// NotFound when it has expired at `now`, Forbidden when it was sealed with another key, ChainBroken when it was altered.
  [[nodiscard]] Result<KeptTexts> open(const SealedTexts& sealed, WallTime now) const;

 private:
  Vault() = default;
  std::array<unsigned char, kKeyBytes> key_{};
  std::string key_name_;  ///< the first 4 bytes of the key's SHA-256
};

}  // namespace suffice::audit
