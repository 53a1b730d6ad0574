#pragma once
// A JSON Schema for one request: fields that are copied from the text become a choice among its spans.

#include <string_view>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "prompts/spans.hpp"

namespace suffice::prompts {

/// Whether any part of `schema` says "x-source": "span". False for what is no JSON.
[[nodiscard]] bool has_span_fields(const JsonText& schema);

/// `schema` with every string that says `"x-source": "span"` as an enum of spans of `text`, so that a grammar made of it lets a
/// model write nothing that does not stand there.
///
/// "x-span" narrows the choice: "number", "time", "date", "name", "path", "quote", or a list of them; without it, any
/// phrase. A property without a candidate is left out when it is not required, so that the model cannot fill it; a required
/// one takes any phrase, and stays a plain string only for a text without words. Items of an array are chosen the same way.
/// The x- keywords are removed. InvalidArgument for what is no schema or an unknown x-span. Pure; any thread.
[[nodiscard]] Result<JsonText> schema_with_spans(const JsonText& schema, std::string_view text,
                                                 const SpanOptions& options = {});

}  // namespace suffice::prompts
