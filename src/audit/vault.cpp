#include "audit/vault.hpp"

#include <charconv>
#include <memory>
#include <system_error>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "audit/event_json.hpp"
#include "core/hash.hpp"

namespace suffice::audit {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMagic = "SUFV\x01"sv;
constexpr std::size_t kKeyNameBytes = 4;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kLengthBytes = 8;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 15U];
  }
  return hex;
}

/// Empty for what is not hex.
std::string from_hex(std::string_view hex) {
  std::string bytes;
  if (hex.size() % 2 != 0) return {};
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    if (error != std::errc() || end != hex.data() + i + 2) return {};
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::string bound_to(std::string_view id, std::string_view expires) {
  return std::string(id).append("\n").append(expires);
}

std::string plain_of(const KeptTexts& texts) {
  std::string plain;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    plain += static_cast<char>((static_cast<std::uint64_t>(texts.input.size()) >> (8 * i)) & 0xffU);
  return plain.append(texts.input).append(texts.output);
}

Result<KeptTexts> texts_of(const std::string& plain) {
  std::uint64_t input = 0;
  for (std::size_t i = 0; plain.size() >= kLengthBytes && i < kLengthBytes; ++i)
    input |= static_cast<std::uint64_t>(static_cast<unsigned char>(plain[i])) << (8 * i);
  if (plain.size() < kLengthBytes || input > plain.size() - kLengthBytes)
    return fail(ErrorCode::ChainBroken, "the kept texts are not of this program's form");
  return KeptTexts{.input = plain.substr(kLengthBytes, input), .output = plain.substr(kLengthBytes + input)};
}

}  // namespace

Result<Vault> Vault::create(std::string_view key) {
  while (key.ends_with('\n') || key.ends_with('\r') || key.ends_with(' ')) key.remove_suffix(1);
  std::string bytes = from_hex(key);
  if (bytes.size() != kKeyBytes) {
    return fail(ErrorCode::ConfigInvalid, "the vault's key must be 64 hex digits; make one with: openssl rand -hex 32",
                "--vault-key");
  }
  Vault vault;
  vault.key_name_ = sha256_hex(bytes).substr(0, 2 * kKeyNameBytes);
  for (std::size_t i = 0; i < kKeyBytes; ++i) vault.key_[i] = static_cast<unsigned char>(bytes[i]);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return vault;
}

Vault::~Vault() { OPENSSL_cleanse(key_.data(), key_.size()); }

Result<SealedTexts> Vault::seal(std::string id, WallTime expires, const KeptTexts& texts) const {
  const auto failed = [] { return fail(ErrorCode::Internal, "OpenSSL could not encrypt the texts to be kept"); };
  SealedTexts sealed{.id = std::move(id), .expires = rfc3339_ms(expires), .bytes = {}};
  std::string plain = plain_of(texts);
  std::string nonce(kNonceBytes, '\0');
  std::string cipher_text(plain.size(), '\0');
  std::string tag(kTagBytes, '\0');
  const std::string bound = bound_to(sealed.id, sealed.expires);
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  const bool done = cipher && RAND_bytes(bytes_of(nonce), kNonceBytes) == 1 &&
                    EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key_.data(), bytes_of(nonce)) == 1 &&
                    EVP_EncryptUpdate(cipher.get(), nullptr, &written, bytes_of(std::string_view(bound)),
                                      static_cast<int>(bound.size())) == 1 &&
                    EVP_EncryptUpdate(cipher.get(), bytes_of(cipher_text), &written, bytes_of(std::string_view(plain)),
                                      static_cast<int>(plain.size())) == 1 &&
                    EVP_EncryptFinal_ex(cipher.get(), bytes_of(cipher_text) + written, &written) == 1 &&
                    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()) == 1;
  OPENSSL_cleanse(plain.data(), plain.size());
  if (!done) return failed();
  sealed.bytes = hex_of(kMagic) + key_name_ + hex_of(nonce) + hex_of(cipher_text) + hex_of(tag);
  return sealed;
}

Result<KeptTexts> Vault::open(const SealedTexts& sealed, WallTime now) const {
  if (sealed.expires <= rfc3339_ms(now))
    return fail(ErrorCode::NotFound, "the texts of this event were kept until " + sealed.expires);
  const std::string bytes = from_hex(sealed.bytes);
  const std::string_view all(bytes);
  constexpr std::size_t kHead = kMagic.size() + kKeyNameBytes + kNonceBytes;
  if (all.size() < kHead + kTagBytes || !all.starts_with(kMagic))
    return fail(ErrorCode::ChainBroken, "the kept texts are not of this program's form");
  if (hex_of(all.substr(kMagic.size(), kKeyNameBytes)) != key_name_)
    return fail(ErrorCode::Forbidden, "the texts of this event were sealed with another key", "--vault-key");
  const std::string_view nonce = all.substr(kMagic.size() + kKeyNameBytes, kNonceBytes);
  const std::string_view cipher_text = all.substr(kHead, all.size() - kHead - kTagBytes);
  std::string tag(all.substr(all.size() - kTagBytes));
  std::string plain(cipher_text.size(), '\0');
  const std::string bound = bound_to(sealed.id, sealed.expires);
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  const bool done = cipher &&
                    EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key_.data(), bytes_of(nonce)) == 1 &&
                    EVP_DecryptUpdate(cipher.get(), nullptr, &written, bytes_of(std::string_view(bound)),
                                      static_cast<int>(bound.size())) == 1 &&
                    EVP_DecryptUpdate(cipher.get(), bytes_of(plain), &written, bytes_of(cipher_text),
                                      static_cast<int>(cipher_text.size())) == 1 &&
                    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
                    EVP_DecryptFinal_ex(cipher.get(), bytes_of(plain) + written, &written) == 1;
  if (!done) return fail(ErrorCode::ChainBroken, "the kept texts of this event were altered");
  Result<KeptTexts> texts = texts_of(plain);
  OPENSSL_cleanse(plain.data(), plain.size());
  return texts;
}

}  // namespace suffice::audit
