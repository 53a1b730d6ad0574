#pragma once
// Seeded generators of things that must not be kept, one per format, and sentences to hide them in. For tests and the fuzz driver.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "audit/redaction.hpp"
#include "core/random.hpp"

namespace suffice::audit::testing {

inline constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
inline constexpr std::string_view kDigits = "0123456789";
inline constexpr std::string_view kHexDigits = "0123456789abcdef";
inline constexpr std::string_view kUpperDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
inline constexpr std::string_view kBase62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
inline constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
inline constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
inline constexpr std::string_view kPasswordBytes =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%*+-_.?^~";
inline constexpr std::string_view kLowerDigits = "abcdefghijklmnopqrstuvwxyz0123456789";

inline std::string random_of(Random& random, std::string_view alphabet, std::size_t length) {
  std::string text;
  for (std::size_t i = 0; i < length; ++i) text += alphabet[random.below(alphabet.size())];
  return text;
}
template <std::size_t N>
std::string_view one_of(Random& random, const std::array<std::string_view, N>& choices) {
  return choices[random.below(N)];
}

/// A made-up secret: what must not survive, and the text that carries it.
struct Planted {
  std::string secret;
  std::string text;
};
inline Planted bare(std::string secret) { return Planted{.secret = secret, .text = secret}; }

inline Planted carried(Random& random, std::string secret) {
  static constexpr std::array<std::string_view, 10> kCarriers = {"password={}",
                                                                 "DB_PASSWORD={}",
                                                                 "password: \"{}\"",
                                                                 "\"client_secret\": \"{}\"",
                                                                 "api_key = '{}'",
                                                                 "--password {}",
                                                                 "Server=db;Pwd={}",
                                                                 "my password is {}",
                                                                 "{{\\\"password\\\":\\\"{}\\\"}}",
                                                                 "SECRET_ACCESS_KEY={}"};
  std::string text = fmt::format(fmt::runtime(one_of(random, kCarriers)), secret);
  return Planted{.secret = std::move(secret), .text = std::move(text)};
}

inline char luhn_digit(std::string_view digits) {
  int sum = 0;
  bool doubled = true;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, doubled = !doubled) {
    const int value = (*digit - '0') * (doubled ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}

inline std::string grouped(std::string_view text, std::string_view separator, std::size_t size = 4) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += size)
    out.append(at == 0 ? "" : separator).append(text.substr(at, size));
  return out;
}

inline Planted card(Random& random) {
  struct Issuer {
    std::string_view prefix;
    std::size_t length;
  };
  static constexpr std::array<Issuer, 6> kIssuers = {Issuer{"4", 16},  Issuer{"52", 16},   Issuer{"2345", 16},
                                                     Issuer{"37", 15}, Issuer{"6011", 16}, Issuer{"36", 14}};
  const Issuer issuer = kIssuers[random.below(kIssuers.size())];
  std::string digits(issuer.prefix);
  digits += random_of(random, kDigits, issuer.length - 1 - digits.size());
  digits += luhn_digit(digits);
  static constexpr std::array<std::string_view, 3> kSeparators = {"", " ", "-"};
  return bare(grouped(digits, one_of(random, kSeparators)));
}

inline Planted iban(Random& random) {
  struct Country {
    std::string_view code;
    std::size_t digits;
  };
  static constexpr std::array<Country, 5> kCountries = {Country{"DE", 18}, Country{"AT", 16}, Country{"ES", 20},
                                                        Country{"BE", 12}, Country{"PL", 24}};
  const Country country = kCountries[random.below(kCountries.size())];
  const std::string account = random_of(random, kDigits, country.digits);
  int remainder = 0;
  const std::string whole = fmt::format("{}{}{}00", account, country.code[0] - 'A' + 10, country.code[1] - 'A' + 10);
  for (const char c : whole) remainder = (remainder * 10 + (c - '0')) % 97;
  const std::string text = fmt::format("{}{:02}{}", country.code, 98 - remainder, account);
  return bare(random.below(2) == 0 ? text : grouped(text, " "));
}

inline Planted email(Random& random) {
  static constexpr std::array<std::string_view, 4> kDomains = {"example.com", "mail.example.co.uk", "firma-xy.de",
                                                               "uni.edu"};
  return bare(fmt::format("{}.{}{}@{}", random_of(random, kLowerDigits, 1 + random.below(8)),
                          random_of(random, kLowerDigits, 1 + random.below(8)), random.below(3) == 0 ? "+tag" : "",
                          one_of(random, kDomains)));
}

inline Planted phone(Random& random) {
  static constexpr std::array<std::string_view, 8> kForms = {"+1 212-555-dddd",   "+44 20 7946 dddd", "+49 30 123 dddd",
                                                             "+33 1 23 45 dd dd", "(212) 555-dddd",   "212-555-dddd",
                                                             "+1dddddddddd",      "030 1234 dddd"};
  std::string text(one_of(random, kForms));
  for (char& c : text) {
    if (c == 'd') c = kDigits[random.below(10)];
  }
  return bare(std::move(text));
}

inline Planted ipv4(Random& random) {
  return bare(
      fmt::format("{}.{}.{}.{}", 128 + random.below(90), random.below(256), random.below(256), 1 + random.below(254)));
}

inline Planted ipv6(Random& random) {
  const auto group = [&] { return random_of(random, kHexDigits, 4); };
  if (random.below(2) == 0) return bare(fmt::format("2001:{}::{}", group(), group()));
  return bare(fmt::format("2a02:{}:{}:{}:{}:{}:{}:{}", group(), group(), group(), group(), group(), group(), group()));
}

inline Planted pem(Random& random) {
  static constexpr std::array<std::string_view, 4> kLabels = {"RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY",
                                                              "EC PRIVATE KEY"};
  const std::string_view label = one_of(random, kLabels);
  const std::string body = grouped(random_of(random, kBase64, 400), "\n", 64);
  return Planted{.secret = body.substr(0, 20),
                 .text = fmt::format("-----BEGIN {0}-----\n{1}\n-----END {0}-----", label, body)};
}

inline Planted jwt(Random& random) {
  return bare("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ" + random_of(random, kBase64Url, 60) + "." +
              random_of(random, kBase64Url, 43));
}

inline Planted bearer(Random& random) {
  std::string token = random_of(random, kBase64Url, 24 + random.below(20)) + "7";
  std::string text = (random.below(2) == 0 ? "Authorization: Bearer " : "authorization: basic ") + token;
  return Planted{.secret = std::move(token), .text = std::move(text)};
}

inline Planted connection(Random& random) {
  static constexpr std::array<std::string_view, 4> kSchemes = {"postgres", "mongodb+srv", "amqp", "https"};
  std::string password = random_of(random, kBase62, 8 + random.below(10));
  std::string text = fmt::format("{}://app:{}@db.internal:5432/main", one_of(random, kSchemes), password);
  return Planted{.secret = std::move(password), .text = std::move(text)};
}

inline Planted ssn(Random& random) {
  return bare(fmt::format("{:03}-{:02}-{:04}", 1 + random.below(665), 1 + random.below(99), 1 + random.below(9'999)));
}

struct SecretFormat {
  std::string_view name;
  Sensitive kind;
  Planted (*make)(Random&);
};

/// Every format that redaction claims to recognise.
inline constexpr std::array kSecretFormats = {
    SecretFormat{"openai", Sensitive::Secret, [](Random& r) { return bare("sk-" + random_of(r, kBase62, 48)); }},
    SecretFormat{"openai project", Sensitive::Secret,
                 [](Random& r) { return bare("sk-proj-" + random_of(r, kBase64Url, 100)); }},
    SecretFormat{"anthropic", Sensitive::Secret,
                 [](Random& r) { return bare("sk-ant-api03-" + random_of(r, kBase64Url, 93) + "AA"); }},
    SecretFormat{"aws key id", Sensitive::Secret,
                 [](Random& r) { return bare("AKIA" + random_of(r, kUpperDigits, 16)); }},
    SecretFormat{"aws secret", Sensitive::Secret,
                 [](Random& r) {
                   std::string key = random_of(r, kBase64, 40);
                   std::string text = "aws_secret_access_key = " + key;
                   return Planted{.secret = std::move(key), .text = std::move(text)};
                 }},
    SecretFormat{"github", Sensitive::Secret, [](Random& r) { return bare("ghp_" + random_of(r, kBase62, 36)); }},
    SecretFormat{"github fine-grained", Sensitive::Secret,
                 [](Random& r) { return bare("github_pat_" + random_of(r, kBase62, 82)); }},
    SecretFormat{"gitlab", Sensitive::Secret, [](Random& r) { return bare("glpat-" + random_of(r, kBase64Url, 20)); }},
    SecretFormat{"slack", Sensitive::Secret,
                 [](Random& r) { return bare("xoxb-" + random_of(r, kDigits, 12) + "-" + random_of(r, kBase62, 24)); }},
    SecretFormat{"google", Sensitive::Secret, [](Random& r) { return bare("AIza" + random_of(r, kBase64Url, 35)); }},
    SecretFormat{"stripe", Sensitive::Secret, [](Random& r) { return bare("sk_live_" + random_of(r, kBase62, 24)); }},
    SecretFormat{"npm", Sensitive::Secret, [](Random& r) { return bare("npm_" + random_of(r, kBase62, 36)); }},
    SecretFormat{"hugging face", Sensitive::Secret, [](Random& r) { return bare("hf_" + random_of(r, kBase62, 34)); }},
    SecretFormat{"jwt", Sensitive::Secret, jwt},
    SecretFormat{"pem", Sensitive::Secret, pem},
    SecretFormat{"bearer", Sensitive::Secret, bearer},
    SecretFormat{"connection string", Sensitive::Secret, connection},
    SecretFormat{"password", Sensitive::Secret,
                 [](Random& r) { return carried(r, "x" + random_of(r, kPasswordBytes, 7 + r.below(12)) + "4"); }},
    SecretFormat{"random token", Sensitive::Secret,
                 [](Random& r) { return bare(random_of(r, kBase62, 32 + r.below(32))); }},
    SecretFormat{"email", Sensitive::Email, email},
    SecretFormat{"phone", Sensitive::Phone, phone},
    SecretFormat{"ipv4", Sensitive::IpAddress, ipv4},
    SecretFormat{"ipv6", Sensitive::IpAddress, ipv6},
    SecretFormat{"card", Sensitive::Card, card},
    SecretFormat{"iban", Sensitive::Iban, iban},
    SecretFormat{"ssn", Sensitive::Ssn, ssn},
};

/// `planted` within a sentence of the kind that callers send.
inline std::string in_a_sentence(Random& random, std::string_view planted) {
  static constexpr std::array<std::string_view, 8> kSentences = {
      "{}",
      "please check {} for me",
      "[ERROR] step 3 failed: {}\n  at com.example.Main(Main.java:41)",
      "Hello, I cannot log in since Monday. {} Thanks, Anna",
      "{{\"user\": \"anna\", \"note\": \"{}\"}}",
      "first line\n{}\nlast line",
      "curl -H 'x: {}' https://example.com/path?x=1",
      "die Größe \xe2\x80\x94 {} \xe2\x80\x94 stimmt nicht (\xf0\x9f\x98\x80)"};
  return fmt::format(fmt::runtime(one_of(random, kSentences)), planted);
}

}  // namespace suffice::audit::testing
