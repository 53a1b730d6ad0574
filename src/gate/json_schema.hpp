#pragma once
// JSON Schema validation (draft-07 and draft 2020-12 as far as the library goes; docs/formats.md states the measured pass counts).

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace suffice::gate {

/// How a schema is read.
enum class Strictness : std::uint8_t {
  AsWritten,  ///< the draft's own meaning
  /// For answers of models: an object whose fields the schema lists may have no others unless additionalProperties or
  /// unevaluatedProperties says so, and a required string must hold more than white space unless its schema says
  /// minLength 0, enum or const.
  ModelOutput,
};

/// A compiled schema. Immutable; any thread.
class JsonSchema {
 public:
  /// InvalidArgument when `schema_text` is not JSON or not a schema that can be enforced: a keyword that would be ignored, a $ref
  /// that leaves the document, a pattern that RE2 cannot run in linear time (look-around, back-references).
  static Result<std::shared_ptr<const JsonSchema>> compile(std::string_view schema_text,
                                                           Strictness strictness = Strictness::AsWritten);

  /// Problems of `json_text`, empty when valid: "/steps/0/risk: value not in enum". Never quotes values. At most 8.
  [[nodiscard]] std::vector<std::string> validate(std::string_view json_text) const;

  ~JsonSchema();
  JsonSchema(const JsonSchema&) = delete;
  JsonSchema& operator=(const JsonSchema&) = delete;

 private:
  JsonSchema();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace suffice::gate
