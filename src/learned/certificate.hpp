#pragma once
// A certificate: the file that says which threshold was certified, on which terms, from which data, and for what exactly it holds.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "learned/certify.hpp"

namespace suffice::learned {

/// What a threshold was certified for. Another task, model, adapter, prompt, signal or calibrator answers otherwise, so the threshold says
/// nothing of it. Empty: none, or (model, model_sha256) named by the other of the two.
struct CertificateScope {
  std::string task;
  std::string model_sha256;  ///< of the file of an embedded model or classifier
  std::string model;         ///< as its provider names it, where it is no file here
  std::string adapter;       ///< as the record names it
  std::string prompt;        ///< name@version
  std::string signal;        ///< compared with the threshold as it is; empty with a calibrator
  std::string calibrator_sha256;
  bool operator==(const CertificateScope&) const = default;
};

/// Each part in which `here` is not what was certified, in words ("prompt: certified for intent@1, here it is intent@2").
[[nodiscard]] std::vector<std::string> differences(const CertificateScope& certified, const CertificateScope& here);

/// How the rows came from the file, so that anybody can make the certificate again.
struct Derivation {
  std::string data_sha256;           ///< of the labelled file, as it is on disk
  std::vector<std::string> signals;  ///< columns
  std::string correct;               ///< column, or "A==B"
  std::vector<std::string> where;    ///< "column=value"
  std::string key;                   ///< column whose hash places a row; empty: the row itself
  std::uint64_t seed = 0;
  double share = 0;  ///< rows whose place is below it were for fitting and for the grid, the others certified
  bool operator==(const Derivation&) const = default;
};

struct Certificate {
  CertificateScope scope;
  CertificationTerms terms;
  Derivation derivation;
  std::vector<double> grid;
  double threshold = 1;
  std::int64_t rows = 0;      ///< certified on
  std::int64_t accepted = 0;  ///< of these at the threshold
  std::int64_t failures = 0;  ///< wrong ones of these
  std::string made;           ///< day, "2027-01-31", UTC
  std::string expires;        ///< last day on which it is believed, UTC
  std::string note;           ///< source and licence of the data, for people
  std::string id;             ///< first 16 hex digits of the file's SHA-256; set by read and by to_bytes' reader only

  /// ModelInvalid: not one, cut, altered, or with numbers that make no sense: also when failures of accepted do not certify its terms.
  static Result<Certificate> from_bytes(std::string_view bytes);
  /// NotFound, IoFailed, or the errors above with the file in `where`.
  static Result<Certificate> load(const std::string& file);
  [[nodiscard]] std::string to_bytes() const;
  [[nodiscard]] bool expired(WallTime now) const;
  bool operator==(const Certificate&) const = default;
};

/// "2027-01-31", of UTC.
[[nodiscard]] std::string day_of(WallTime time);

/// Why `again`, certified from the same data now, does not confirm `certificate`; empty when it does.
[[nodiscard]] std::string unconfirmed(const Certificate& certificate, const Certification& again);

}  // namespace suffice::learned
