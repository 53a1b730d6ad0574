#pragma once
// Who may call, and how much: the keys of the policy's `keys`.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.hpp"
#include "core/units.hpp"

namespace suffice::policy {

struct Quota {
  std::int64_t tokens_per_minute = 0;    ///< 0: none
  std::int64_t requests_per_minute = 0;  ///< 0: none
  [[nodiscard]] bool empty() const { return tokens_per_minute == 0 && requests_per_minute == 0; }
  bool operator==(const Quota&) const = default;
};

/// One caller's key. The policy holds its SHA-256 only: a key has 256 random bits, so its hash can be neither guessed nor reversed, and a
/// slow password hash would add nothing.
struct AccessKey {
  std::string name;                ///< key in the file; shown in the record, metrics and errors
  std::string sha256;              ///< 64 lower-case hex digits
  std::string group;               ///< caller group of rollouts and of the record; the name when the file gives none
  std::vector<std::string> tasks;  ///< what it may ask for; empty: everything
  Quota quota;
  std::int64_t requests_at_once = 0;      ///< 0: no limit
  std::int64_t escalations_per_hour = 0;  ///< requests answered by a hosted model; 0: no limit
  std::optional<Usd> budget_per_day;      ///< of UTC days
  std::string expires;                    ///< last valid day, "2027-01-31", UTC; empty: never
  bool operator==(const AccessKey&) const = default;
};

/// What every key begins with, so that people and secret scanners recognise one.
inline constexpr std::string_view kAccessKeyPrefix = "sk-suffice-";

/// A new key: the prefix and 256 bits of `random` in base64url (RFC 4648, 5; without padding).
[[nodiscard]] std::string new_access_key(Random& random);

}  // namespace suffice::policy
