#pragma once
// The text of a file that a caller sent in a message: OpenAI's file parts, Anthropic's document blocks.

#include <string>
#include <string_view>

#include "core/chat.hpp"
#include "core/result.hpp"

namespace suffice::wire {

struct DocumentPart {
  std::string name;  ///< as the caller named it; may be empty
  std::string text;
  bool operator==(const DocumentPart&) const = default;
};

/// Of a ContentPart of kind File: `{"type":"file","file":{"filename","file_data"}}` with file_data a data: URL (RFC 2397) or base64 alone;
/// `{"type":"document","source":{"type":"text"|"base64"|"content"...},"title"}`. UnsupportedField for what holds no text (a PDF, an id or
/// a URL of a file elsewhere) and for bytes that are not UTF-8; MalformedRequest for bad base64. Never fetches anything.
[[nodiscard]] Result<DocumentPart> read_document_part(const ContentPart& part);

/// RFC 4648, 4, strict: padding is required, no line breaks, unused bits are zero. MalformedRequest otherwise.
[[nodiscard]] Result<std::string> decode_base64(std::string_view text);

}  // namespace suffice::wire
