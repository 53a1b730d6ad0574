#include "engine/chat_render.hpp"

namespace suffice::engine {
namespace {

using From = PromptPiece::From;

std::string_view template_role(std::string_view role) { return role == "developer" ? "system" : role; }

/// A word that no template writes and none trims.
std::string placeholder(std::size_t index) { return "\x01suffice-" + std::to_string(index) + "\x02"; }

void add_template(std::vector<PromptPiece>& pieces, std::string_view text) {
  if (text.empty()) return;
  if (!pieces.empty() && pieces.back().from == From::Template) {
    pieces.back().text.append(text);
  } else {
    pieces.push_back({From::Template, std::string(text)});
  }
}

}  // namespace

bool is_chatml(std::string_view jinja) {
  return jinja.find("<|im_start|>") != std::string_view::npos && jinja.find("<|im_end|>") != std::string_view::npos;
}

std::vector<PromptPiece> render_chatml(const std::vector<wire::EngineMessage>& messages) {
  std::vector<PromptPiece> pieces;
  for (const wire::EngineMessage& message : messages) {
    add_template(pieces, "<|im_start|>" + std::string(template_role(message.role)) + "\n");
    if (!message.text.empty()) pieces.push_back({From::Text, message.text});
    add_template(pieces, "<|im_end|>\n");
  }
  add_template(pieces, "<|im_start|>assistant\n");
  return pieces;
}

std::optional<std::vector<PromptPiece>> render_with(const ApplyTemplate& apply,
                                                    const std::vector<wire::EngineMessage>& messages) {
  std::vector<wire::EngineMessage> masked;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    masked.push_back({std::string(template_role(messages[i].role)), placeholder(i)});
  }
  const std::optional<std::string> rendered = apply(masked);
  if (!rendered) return std::nullopt;

  std::vector<PromptPiece> pieces;
  std::string_view rest = *rendered;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string mark = placeholder(i);
    const std::size_t at = rest.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    add_template(pieces, rest.substr(0, at));
    if (!messages[i].text.empty()) pieces.push_back({From::Text, messages[i].text});
    rest.remove_prefix(at + mark.size());
  }
  if (rest.find('\x01') != std::string_view::npos) return std::nullopt;
  add_template(pieces, rest);
  return pieces;
}

}  // namespace suffice::engine
