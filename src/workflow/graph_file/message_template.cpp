#include "workflow/graph_file/message_template.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/text.hpp"
#include "workflow/graph_file/message_view.hpp"

namespace suffice::workflow {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

bool is_name(std::string_view name) {
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

Result<MessageTemplate> MessageTemplate::parse(std::string_view text) {
  MessageTemplate result;
  while (!text.empty()) {
    const std::size_t open = text.find(kOpen);
    if (open != 0) {
      result.pieces_.push_back({.hole = false, .text = std::string(text.substr(0, open)), .pointer = {}});
      if (open == std::string_view::npos) break;
    }
    const std::size_t close = text.find(kClose, open);
    if (close == std::string_view::npos) return fail(ErrorCode::InvalidArgument, "a {{ is never closed with }}");
    const std::string_view inside = trim(text.substr(open + kOpen.size(), close - open - kOpen.size()));
    const std::size_t slash = std::min(inside.find('/'), inside.size());
    const std::string_view name = inside.substr(0, slash);
    if (!is_name(name) || (name.empty() && inside.empty()))
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("{{{{{}}}}} is no name and JSON pointer; write {{{{/answer}}}} or {{{{input/query}}}}",
                              first_code_points(inside, 40)));
    result.pieces_.push_back({.hole = true, .text = std::string(name), .pointer = std::string(inside.substr(slash))});
    text.remove_prefix(close + kClose.size());
  }
  return result;
}

Result<std::string> MessageTemplate::render(const Lookup& lookup) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    if (!piece.hole) {
      text += piece.text;
      continue;
    }
    const boost::json::value* message = lookup(piece.text);
    const boost::json::value* value = message == nullptr ? nullptr : find_at(*message, piece.pointer);
    if (value == nullptr) {
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("there is nothing for {{{{{}{}}}}}", piece.text, piece.pointer));
    }
    text += text_of(*value);
  }
  return text;
}

std::vector<std::string> MessageTemplate::names() const {
  std::vector<std::string> names;
  for (const Piece& piece : pieces_) {
    if (piece.hole && std::ranges::find(names, piece.text) == names.end()) names.push_back(piece.text);
  }
  return names;
}

}  // namespace suffice::workflow
