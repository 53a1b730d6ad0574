#pragma once
// JSON Schema to GBNF: the grammar that keeps a small model from writing anything but compact JSON of the asked shape.

#include <string>
#include <string_view>

#include "core/result.hpp"

namespace suffice::engine {

/// The grammar, with start symbol "root". No free white space: a weak model would fill the answer with it.
///
/// Enforced: type (also a list), enum, const, properties in declared order with required and optional ones, items,
/// minItems and maxItems, minLength and maxLength (up to 256), additionalProperties as a map where no properties are
/// declared, anyOf and oneOf as alternatives, $ref to "#...". Objects get their declared properties only, and a required
/// string at least one character (the gate refuses an empty one).
/// Left to the gate, which checks the whole schema: pattern, format, numeric ranges, uniqueItems, and annotations.
/// UnsupportedField, naming keyword and place, for what would change the shape and is not known here (allOf, not, if,
/// patternProperties, prefixItems, ...). InvalidArgument for a schema that is none or beyond 256 KiB, 32 levels, 4,000 rules.
/// Pure; any thread.
[[nodiscard]] Result<std::string> grammar_from_schema(std::string_view schema);

/// Any compact JSON object.
[[nodiscard]] std::string json_object_grammar();

/// A GBNF literal that matches exactly `text`.
[[nodiscard]] std::string gbnf_literal(std::string_view text);

}  // namespace suffice::engine
