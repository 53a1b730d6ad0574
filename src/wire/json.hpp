#pragma once
// Reading foreign JSON within limits, and small accessors that name the field that is wrong.

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "core/chat.hpp"
#include "core/result.hpp"

namespace suffice::wire {

struct JsonLimits {
  std::size_t depth_max = 64;  ///< arrays and objects within each other
  std::size_t bytes_max = 64UL * 1024 * 1024;
};

/// Strict RFC 8259: one value, UTF-8 without BOM, no comments, no trailing commas, duplicate keys rejected.
/// MalformedJson with the byte offset in `where`, or PayloadTooLarge.
[[nodiscard]] Result<boost::json::value> parse_json(std::string_view bytes, const JsonLimits& limits = {});

/// The value's JSON text without white space.
[[nodiscard]] JsonText to_json_text(const boost::json::value& value);

/// RFC 8785-like canonical text: keys sorted by UTF-8 bytes (which is code point order), no white space, shortest numbers.
/// What hashes and recordings are made of; stored, never changed.
[[nodiscard]] std::string canonical_json(const boost::json::value& value);

}  // namespace suffice::wire
