#pragma once
// Labelled texts as people keep them: CSV with a header line, or JSON Lines.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "learned/fit_classifier.hpp"

namespace suffice::learned {

enum class RowFormat : std::uint8_t { Csv, JsonLines };

/// Reads the columns (members) `text` and `label` of every row of `content`. CSV is RFC 4180's: quotes doubled, line breaks within
/// quotes. MalformedRequest with the line in `where` when a row lacks one of them, is no object, or a quote is never closed; the
/// names that are there are listed. Empty lines are skipped.
[[nodiscard]] Result<std::vector<LabelledText>> read_labelled_rows(std::string_view content, RowFormat format,
                                                                   std::string_view text, std::string_view label);

}  // namespace suffice::learned
