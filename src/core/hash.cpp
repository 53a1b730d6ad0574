#include "core/hash.hpp"

#include <cstdlib>

#include <openssl/evp.h>

namespace suffice {

namespace {

/// Looked up once: with EVP_sha256() OpenSSL 3 searches its providers at every call (crypto(7), "Performance").
const EVP_MD* algorithm() {
  static const EVP_MD* const kFetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kFetched;
}

}  // namespace

Sha256 sha256(std::string_view bytes) {
  Sha256 digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, algorithm(), nullptr) != 1 ||
      size != digest.size()) {
    std::abort();  // only a broken libcrypto gets here
  }
  return digest;
}

std::string to_hex(const Sha256& digest) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(64);
  for (const std::uint8_t byte : digest) {
    text += kHex[byte >> 4];
    text += kHex[byte & 0x0fU];
  }
  return text;
}

std::string sha256_hex(std::string_view bytes) { return to_hex(sha256(bytes)); }

struct Sha256Stream::State {
  State() { restart(); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  void restart() const {
    if (EVP_DigestInit_ex(context, algorithm(), nullptr) != 1) std::abort();
  }
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(std::string_view bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1) std::abort();
}

Sha256 Sha256Stream::finish() {
  Sha256 digest{};
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(state_->context, digest.data(), &size) != 1 || size != digest.size()) std::abort();
  state_->restart();
  return digest;
}

}  // namespace suffice
