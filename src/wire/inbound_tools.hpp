#pragma once
// The array `tools`, which every dialect's requests have. Not for use outside this folder.

#include <cstddef>
#include <string>
#include <utility>

#include <boost/json.hpp>

#include "core/chat.hpp"
#include "core/result.hpp"
#include "wire/json_fields.hpp"

namespace suffice::wire {

/// More tools than any model is offered; a request with more is an attack or a bug.
inline constexpr std::size_t kToolsMax = 512;

/// Appends the tools of `body`, each read by `decode_tool(const boost::json::value&, const JsonPath&) -> Result<ToolDefinition>`.
template <class DecodeTool>
[[nodiscard]] Result<void> read_tools(const boost::json::object& body, const JsonPath& path, ChatRequest& request,
                                      const DecodeTool& decode_tool) {
  SUFFICE_TRY(const boost::json::array* tools, read_array(body, "tools", path));
  const JsonPath here = path.member("tools");
  if (tools != nullptr && tools->size() > kToolsMax)
    return malformed(here, "holds more than " + std::to_string(kToolsMax) + " tools");
  for (std::size_t i = 0; tools != nullptr && i < tools->size(); ++i) {
    SUFFICE_TRY(ToolDefinition tool, decode_tool((*tools)[i], here.element(i)));
    request.tools.push_back(std::move(tool));
  }
  return {};
}

}  // namespace suffice::wire
