#pragma once
// The form of a text that patterns are compared with: what a reader sees, not how its bytes are spelled.

#include <string>
#include <string_view>

namespace suffice::gate {

/// `text` as NFKC with full case folding, without default-ignorable code points (zero-width joiners, soft hyphens, variation
/// selectors, bidirectional controls: UAX 44 Default_Ignorable_Code_Point, as libutf8proc knows it). Malformed UTF-8 becomes
/// U+FFFD first, so that one bad byte cannot keep the rest of the text unfolded. O(text length).
///
/// Look-alike letters of other scripts (Cyrillic "а" for Latin "a") are not mapped.
[[nodiscard]] std::string match_text(std::string_view text);

}  // namespace suffice::gate
