#pragma once
// Check digits and plausibility of the numbers that redaction masks. Pure; any thread.

#include <cstddef>
#include <optional>
#include <string_view>

namespace suffice::audit {

/// Each says how many leading bytes of `candidate` are the thing, or nothing. Spaces, dots and hyphens between digits are passed over.
/// A payment card: issuer prefix and length of Visa, Mastercard, American Express, Discover, JCB, Diners; Luhn (ISO/IEC 7812-1).
[[nodiscard]] std::optional<std::size_t> card_length(std::string_view candidate);
/// An IBAN: registered length of its country, ISO 7064 mod 97-10 remainder 1.
[[nodiscard]] std::optional<std::size_t> iban_length(std::string_view candidate);
/// A US social security number that can have been issued (area not 000, 666 or 9xx; group and serial not zero).
[[nodiscard]] std::optional<std::size_t> ssn_length(std::string_view candidate);
/// 8 to 15 digits (ITU-T E.164) that are not a date or a version.
[[nodiscard]] std::optional<std::size_t> phone_length(std::string_view candidate);
/// An IPv4 address that is not loopback, unspecified or broadcast.
[[nodiscard]] std::optional<std::size_t> ipv4_length(std::string_view candidate);
/// An IPv6 address that cannot be a qualified name of a program ("a::b").
[[nodiscard]] std::optional<std::size_t> ipv6_length(std::string_view candidate);
/// A credential after "bearer" and the like: it has a digit, or mixed case and 16 bytes.
[[nodiscard]] std::optional<std::size_t> credential_length(std::string_view candidate);
/// What follows "password is": anything but a word about passwords ("incorrect", "expired").
[[nodiscard]] std::optional<std::size_t> told_password_length(std::string_view candidate);

}  // namespace suffice::audit
