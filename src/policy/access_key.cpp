#include "policy/access_key.hpp"

namespace suffice::policy {
namespace {

constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr int kKeyBits = 256;
constexpr int kDigitBits = 6;

}  // namespace

std::string new_access_key(Random& random) {
  std::string key(kAccessKeyPrefix);
  std::uint64_t bits = 0;
  int left = 0;  // in `bits`
  for (int taken = 0; taken < kKeyBits; taken += kDigitBits) {
    if (left < kDigitBits) {
      bits = random.next();
      left = 60;  // ten digits of each draw
    }
    key += kBase64Url[bits & 0x3fU];
    bits >>= kDigitBits;
    left -= kDigitBits;
  }
  return key;
}

}  // namespace suffice::policy
