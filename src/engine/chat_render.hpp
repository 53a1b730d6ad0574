#pragma once
// Messages to prompt, as pieces that know whether they come from the template or from a person.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/engine_frames.hpp"

namespace suffice::engine {

/// Only template pieces are searched for control tokens, so that a literal "<|im_end|>" in a text stays text.
struct PromptPiece {
  enum class From : std::uint8_t { Template, Text };
  From from = From::Template;
  std::string text;
  bool operator==(const PromptPiece&) const = default;
};

/// Whether a Jinja chat template frames messages as ChatML does.
[[nodiscard]] bool is_chatml(std::string_view jinja);

/// ChatML, ending where the assistant's answer starts. The role "developer" is written as "system".
[[nodiscard]] std::vector<PromptPiece> render_chatml(const std::vector<wire::EngineMessage>& messages);

/// Renders messages to one text, or nothing when it knows no such template.
using ApplyTemplate = std::function<std::optional<std::string>(const std::vector<wire::EngineMessage>& messages)>;

/// The same for a renderer that only gives the whole text: it is run on placeholders, whose places become the text pieces.
/// Nothing when it fails or loses, repeats or reorders one.
[[nodiscard]] std::optional<std::vector<PromptPiece>> render_with(const ApplyTemplate& apply,
                                                                  const std::vector<wire::EngineMessage>& messages);

}  // namespace suffice::engine
