#pragma once
// Redaction: masks secrets and personal data in text that people will see, in time linear in what is kept.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace suffice::audit {

/// What was masked. The placeholder in the text is the name in brackets: [SECRET], [EMAIL], ...
enum class Sensitive : std::uint8_t { Secret, Email, Phone, IpAddress, Card, Iban, Ssn };
/// "SECRET", "EMAIL", "PHONE", "IP", "CARD", "IBAN", "SSN".
[[nodiscard]] std::string_view name(Sensitive kind) noexcept;

/// `text` as at most `code_points_max` code points of well-formed UTF-8, everything recognised as sensitive replaced by its
/// placeholder. Any thread.
///
/// Recognised: keys of OpenAI, Anthropic, AWS, GitHub, GitLab, Slack, Google, Stripe, npm, PyPI, Hugging Face; JSON Web Tokens;
/// PEM private keys; bearer and basic credentials; values assigned to names like password, secret, api_key, token; user:password
/// in URLs; tokens that look random (mixed letters and digits, 24 or more); email addresses; phone numbers; IPv4 and IPv6
/// addresses other than loopback; payment cards (issuer, length, Luhn); IBANs (country length, ISO 7064 mod 97-10); US social
/// security numbers. Names of people, postal addresses and dates are not recognised. Recall per class and the false-positive
/// rate on build logs are measured in redaction_test.cpp.
///
/// The cut comes after the masking, and a secret that the cut meets does not leak its head: each masked form is recognisable
/// within 512 bytes of its start, and text is kept only where those 512 bytes were seen.
/// Cost: a few microseconds for a preview of 240 code points, whatever the length of `text` (audit_bench.cpp).
[[nodiscard]] std::string redacted_preview(std::string_view text, std::size_t code_points_max);

}  // namespace suffice::audit
