#pragma once
// Reading foreign JSON within limits, and writing values back as text.

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "core/chat.hpp"
#include "core/result.hpp"

namespace suffice::wire {

struct JsonLimits {
  std::size_t depth_max =
      64;  ///< arrays and objects within each other; values over 512 count as 512 (the parser recurses)
  std::size_t bytes_max = 64UL * 1024 * 1024;
};

/// Strict RFC 8259: one value, UTF-8 without BOM, no comments, no trailing commas, no lone surrogates, finite numbers, and names
/// unique within their object (RFC 8259 only recommends that; two readers that pick different duplicates is how checks are passed by).
/// MalformedJson with the byte offset in `where`, or PayloadTooLarge (size, depth). Doubles are read exactly.
/// `storage` holds the value's memory and must outlive it; the default is the heap. Any thread.
[[nodiscard]] Result<boost::json::value> parse_json(std::string_view bytes, const JsonLimits& limits = {},
                                                    boost::json::storage_ptr storage = {});

/// The value's JSON text without white space, members in their order.
[[nodiscard]] JsonText to_json_text(const boost::json::value& value);
void append_json(std::string& out, const boost::json::value& value);

/// RFC 8785-like canonical text: keys sorted by UTF-8 bytes (which is code point order), no white space, shortest numbers in
/// ECMAScript's layout, integers exact. What hashes and recordings are made of; stored, never changed.
[[nodiscard]] std::string canonical_json(const boost::json::value& value);

}  // namespace suffice::wire
