#include "learned/certificate.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/hash.hpp"
#include "learned/intervals.hpp"
#include "learned/sealed_file.hpp"

namespace suffice::learned {
namespace {

namespace json = boost::json;

constexpr std::string_view kKind = "certificate";
constexpr std::size_t kIdDigits = 16;

std::unexpected<Error> senseless(std::string_view what) {
  return fail(ErrorCode::ModelInvalid, "not a certificate file: " + std::string(what));
}

json::array to_json(const std::vector<std::string>& texts) { return json::array(texts.begin(), texts.end()); }

bool is_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    for (const char digit : text.substr(at, digits)) {
      if (digit < '0' || digit > '9') return -1;
      value = 10 * value + (digit - '0');
    }
    return value;
  };
  const int month = number(5, 2);
  const int day = number(8, 2);
  if (number(0, 4) < 0 || month < 0 || day < 0) return false;
  return std::chrono::year_month_day(std::chrono::year(number(0, 4)), std::chrono::month(static_cast<unsigned>(month)),
                                     std::chrono::day(static_cast<unsigned>(day)))
      .ok();
}

json::object to_json(const CertificateScope& scope) {
  return {{"task", scope.task},
          {"model_sha256", scope.model_sha256},
          {"model", scope.model},
          {"adapter", scope.adapter},
          {"prompt", scope.prompt},
          {"signal", scope.signal},
          {"calibrator_sha256", scope.calibrator_sha256}};
}

json::object to_json(const Derivation& derivation) {
  return {{"data_sha256", derivation.data_sha256},
          {"signals", to_json(derivation.signals)},
          {"correct", derivation.correct},
          {"where", to_json(derivation.where)},
          {"key", derivation.key},
          {"seed", static_cast<std::int64_t>(derivation.seed)},
          {"share", derivation.share}};
}

Result<json::object> object_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_object()) return senseless(fmt::format("\"{}\" is no object", key));
  return value->as_object();
}

Result<CertificateScope> read_scope(const json::object& object) {
  CertificateScope scope;
  SUFFICE_TRY(scope.task, text_of(object, "task"));
  SUFFICE_TRY(scope.model_sha256, text_of(object, "model_sha256"));
  SUFFICE_TRY(scope.model, text_of(object, "model"));
  SUFFICE_TRY(scope.adapter, text_of(object, "adapter"));
  SUFFICE_TRY(scope.prompt, text_of(object, "prompt"));
  SUFFICE_TRY(scope.signal, text_of(object, "signal"));
  SUFFICE_TRY(scope.calibrator_sha256, text_of(object, "calibrator_sha256"));
  return scope;
}

Result<Derivation> read_derivation(const json::object& object) {
  Derivation derivation;
  SUFFICE_TRY(derivation.data_sha256, text_of(object, "data_sha256"));
  SUFFICE_TRY(derivation.signals, texts_of(object, "signals"));
  SUFFICE_TRY(derivation.correct, text_of(object, "correct"));
  SUFFICE_TRY(derivation.where, texts_of(object, "where"));
  SUFFICE_TRY(derivation.key, text_of(object, "key"));
  SUFFICE_TRY(const std::int64_t seed, integer_of(object, "seed"));
  derivation.seed = static_cast<std::uint64_t>(seed);
  SUFFICE_TRY(derivation.share, number_of(object, "share"));
  return derivation;
}

Result<CertificationTerms> read_terms(const json::object& object) {
  CertificationTerms terms;
  SUFFICE_TRY(terms.false_accept_max, number_of(object, "max_false_accept"));
  SUFFICE_TRY(terms.confidence, number_of(object, "confidence"));
  SUFFICE_TRY(const std::string unit, text_of(object, "of"));
  const std::optional<RiskUnit> known = risk_unit(unit);
  const auto inside = [](double share) { return share > 0 && share < 1; };
  if (!known || !inside(terms.false_accept_max) || !inside(terms.confidence)) return senseless("its terms are none");
  terms.unit = *known;
  return terms;
}

/// Whether the numbers of a certificate certify what it says.
bool adds_up(const Certificate& made) {
  if (made.failures < 0 || made.failures > made.accepted || made.accepted > made.rows || made.accepted < 1)
    return false;
  if (!(made.threshold >= 0 && made.threshold <= 1)) return false;
  const bool on_grid = std::ranges::find(made.grid, made.threshold) != made.grid.end();
  const bool falling = std::ranges::adjacent_find(made.grid, std::less_equal<>()) == made.grid.end();
  const std::int64_t of = made.terms.unit == RiskUnit::Accepted ? made.accepted : made.rows;
  return on_grid && falling &&
         binomial_cdf(made.failures, of, made.terms.false_accept_max) <= 1 - made.terms.confidence;
}

}  // namespace

std::vector<std::string> differences(const CertificateScope& certified, const CertificateScope& here) {
  std::vector<std::string> found;
  const auto compare = [&](std::string_view what, const std::string& then, const std::string& now) {
    if (then == now) return;
    const auto said = [](const std::string& value) { return value.empty() ? std::string("none") : value; };
    found.push_back(fmt::format("{}: certified for {}, here it is {}", what, said(then), said(now)));
  };
  compare("task", certified.task, here.task);
  compare("model_sha256", certified.model_sha256, here.model_sha256);
  compare("model", certified.model, here.model);
  compare("adapter", certified.adapter, here.adapter);
  compare("prompt", certified.prompt, here.prompt);
  compare("signal", certified.signal, here.signal);
  compare("calibrator", certified.calibrator_sha256, here.calibrator_sha256);
  return found;
}

std::string Certificate::to_bytes() const {
  const json::object object{
      {"scope", to_json(scope)},
      {"terms",
       json::object{
           {"max_false_accept", terms.false_accept_max}, {"confidence", terms.confidence}, {"of", name(terms.unit)}}},
      {"derivation", to_json(derivation)},
      {"threshold", threshold},
      {"rows", rows},
      {"accepted", accepted},
      {"failures", failures},
      {"made", made},
      {"expires", expires},
      {"note", note},
      {"grid", json::array(grid.begin(), grid.end())},
  };
  return seal(kKind, object);
}

Result<Certificate> Certificate::from_bytes(std::string_view bytes) {
  SUFFICE_TRY(const json::object object, unseal(kKind, bytes));
  Certificate made;
  SUFFICE_TRY(const json::object scope, object_of(object, "scope"));
  SUFFICE_TRY(made.scope, read_scope(scope));
  SUFFICE_TRY(const json::object terms, object_of(object, "terms"));
  SUFFICE_TRY(made.terms, read_terms(terms));
  SUFFICE_TRY(const json::object derivation, object_of(object, "derivation"));
  SUFFICE_TRY(made.derivation, read_derivation(derivation));
  SUFFICE_TRY(made.threshold, number_of(object, "threshold"));
  SUFFICE_TRY(made.rows, integer_of(object, "rows"));
  SUFFICE_TRY(made.accepted, integer_of(object, "accepted"));
  SUFFICE_TRY(made.failures, integer_of(object, "failures"));
  SUFFICE_TRY(made.made, text_of(object, "made"));
  SUFFICE_TRY(made.expires, text_of(object, "expires"));
  SUFFICE_TRY(made.note, text_of(object, "note"));
  SUFFICE_TRY(made.grid, numbers_of(object, "grid"));
  if (!is_day(made.made) || !is_day(made.expires)) return senseless("its days are none");
  if (!adds_up(made)) return senseless("its numbers do not certify its threshold");
  made.id = sha256_hex(bytes).substr(0, kIdDigits);
  return made;
}

Result<Certificate> Certificate::load(const std::string& file) {
  SUFFICE_TRY(const std::string bytes, read_sealed_file(file, "suffice fit threshold"));
  Result<Certificate> made = from_bytes(bytes);
  if (made) return made;
  Error error = std::move(made).error();
  error.where = file;
  return fail(std::move(error));
}

bool Certificate::expired(WallTime now) const { return day_of(now) > expires; }

std::string day_of(WallTime time) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(time));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

std::string unconfirmed(const Certificate& certificate, const Certification& again) {
  if (again.rows != certificate.rows) return fmt::format("{} rows, certified on {}", again.rows, certificate.rows);
  if (!again.threshold) return "no threshold is certified: " + again.refusal;
  const ThresholdTest& found = *again.threshold;
  if (found.threshold != certificate.threshold)
    return fmt::format("threshold {}, certified was {}", found.threshold, certificate.threshold);
  if (found.accepted != certificate.accepted || found.failures != certificate.failures) {
    return fmt::format("{} wrong of {} accepted, certified were {} of {}", found.failures, found.accepted,
                       certificate.failures, certificate.accepted);
  }
  return {};
}

}  // namespace suffice::learned
