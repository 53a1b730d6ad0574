#pragma once
// Recorded outcomes: what several models made of the same requests, read from the forms people keep them in. No model is called.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace suffice::lab {

/// What one model made of one request. What was not recorded is absent.
struct Outcome {
  double quality = 0;                ///< in [0, 1]; right and wrong are 1 and 0
  std::optional<double> confidence;  ///< of the model or a gate, in [0, 1]
  std::optional<bool> valid;         ///< its form was right: schema, strict JSON, full pass of a gate
  std::optional<double> gate_score;  ///< share of a gate's checks that passed, in [0, 1]
  std::optional<double> judge_score;
  std::optional<double> tokens;  ///< of input and output, or whatever length was recorded
  std::optional<double> cost_usd;
  std::optional<std::string> output;
};

struct OutcomeRow {
  std::string id;
  std::string text;  ///< of the request; empty when not recorded
  std::string task;
  std::vector<std::optional<Outcome>> models;  ///< by model; nothing where this one was not asked
};

/// The forms of docs/formats.md, "Recorded outcomes".
enum class OutcomeShape : std::uint8_t {
  ByModel,  ///< JSON: "models" or "scores": {NAME: {"correct", ...} or [correct, valid, tokens] or a number}
  Ladder,   ///< JSON: "ladder": [NAME], "rungs": [{"oracle_correct", ...}]
  Members,  ///< JSON: members that are objects with "is_correct", "correct" or "score"
  Wide,     ///< CSV: a column a model
  Long,     ///< CSV or JSON: a line a model and request
};

[[nodiscard]] std::string_view name_of(OutcomeShape shape);

struct OutcomeSet {
  OutcomeShape shape = OutcomeShape::ByModel;
  std::vector<std::string> models;  ///< in the order of first occurrence
  std::vector<OutcomeRow> rows;

  /// Place of a model named in full or by a part that only it has (case ignored). NotFound lists the names.
  [[nodiscard]] Result<std::size_t> model(std::string_view name) const;
};

/// Columns (members) that are not named as usual; empty: found by the names of docs/formats.md.
struct OutcomeColumns {
  std::string id;
  std::string text;
  std::string task;
  std::vector<std::string> models;  ///< only these; CSV: these columns
};

/// Reads rows of any of the forms; the form is found from the content alone, never from a file's name. Content may be packed (gzip).
/// MalformedRequest with "line N" (and the member) in `where`: not one of the forms, a quality or confidence outside [0, 1], the same
/// model twice for one request, no rows.
[[nodiscard]] Result<OutcomeSet> read_outcomes(std::string_view content, const OutcomeColumns& columns = {});

/// Drops the rows whose id or text is a string member of an object of `list` (JSON Lines), or a whole line of it where it is no JSON.
/// Gives how many went. White space at the ends does not count. Content may be packed.
[[nodiscard]] Result<std::size_t> exclude_rows(OutcomeSet& set, std::string_view list);

/// `bytes` unpacked when they are gzip (RFC 1952, also several members), else as they are. MalformedRequest: cut or altered;
/// PayloadTooLarge: more than 2 GiB unpacked.
[[nodiscard]] Result<std::string> unpacked(std::string_view bytes);

}  // namespace suffice::lab
