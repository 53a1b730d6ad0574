#pragma once
// JSON Schema's regular expressions (ECMA-262) as RE2 expressions, which run in linear time whatever the text.

#include <string>
#include <string_view>

#include "core/result.hpp"

namespace suffice::gate {

/// The same language as `ecma` in RE2's syntax: \uXXXX, \cX, \s with Unicode spaces, \p{Letter}, named groups, "." and "[^]".
/// InvalidArgument for what RE2 cannot run in linear time (look-around, back-references) and for escapes ECMA-262 does not know.
/// One difference stays: \S inside a class is ASCII white space's complement.
[[nodiscard]] Result<std::string> re2_expression(std::string_view ecma);

}  // namespace suffice::gate
