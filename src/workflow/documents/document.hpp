#pragma once
// Document: a named text with what may be said of it without showing it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/chat.hpp"
#include "core/result.hpp"

namespace suffice::workflow {

/// What a document looks like, told by its name and the shape of its lines.
enum class DocumentKind : std::uint8_t { Text, Transcript, Log, Code, Json, Markdown };
[[nodiscard]] std::string_view name(DocumentKind kind) noexcept;

struct DocumentLimits {
  std::size_t bytes_max = 16UL * 1024 * 1024;
};

/// Well-formed UTF-8 with content. Made by create() only.
struct Document {
  std::string name;  ///< without folders and control characters, at most 100 characters
  std::string text;
  DocumentKind kind = DocumentKind::Text;
  std::size_t lines = 0;
  std::size_t replaced_bytes = 0;  ///< bytes that were not UTF-8 and are '?' in `text`

  /// InvalidArgument for a text of nothing but white space, PayloadTooLarge (with both sizes) for one over the limit.
  static Result<Document> create(std::string_view name, std::string text, const DocumentLimits& limits = {});

  /// {"name":…,"kind":…,"bytes":…,"lines":…}: all that may leave the machine without a verified citation. No byte of `text` is in it.
  [[nodiscard]] JsonText metadata() const;
};

}  // namespace suffice::workflow
