#include "core/chat.hpp"

#include <array>
#include <cmath>
#include <utility>

namespace suffice {
namespace {

constexpr std::array<std::string_view, 5> kRoleNames = {"system", "developer", "user", "assistant", "tool"};
constexpr std::array<std::string_view, 6> kFinishNames = {"stop",           "length",  "tool_calls",
                                                          "content_filter", "unknown", "low_confidence"};

}  // namespace

std::string_view name(Role role) noexcept { return kRoleNames[std::to_underlying(role)]; }

std::optional<Role> role_from_name(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kRoleNames.size(); ++i) {
    if (kRoleNames[i] == name) return static_cast<Role>(i);
  }
  return std::nullopt;
}

std::string_view name(FinishReason reason) noexcept { return kFinishNames[std::to_underlying(reason)]; }

std::string Message::text() const {
  std::string joined;
  bool first = true;
  for (const ContentPart& part : content) {
    if (part.kind != ContentPart::Kind::Text) continue;
    if (!first) joined += '\n';
    joined += part.text;
    first = false;
  }
  return joined;
}

Message Message::of(Role role, std::string text) {
  Message message;
  message.role = role;
  message.content.push_back(ContentPart{.kind = ContentPart::Kind::Text, .text = std::move(text), .raw = {}});
  return message;
}

double LabelDistribution::margin() const {
  if (entries.empty()) return 0;
  if (entries.size() == 1) return entries[0].probability;
  return entries[0].probability - entries[1].probability;
}

double LabelDistribution::entropy() const {
  double sum = 0;
  for (const Entry& entry : entries) {
    if (entry.probability > 0) sum -= entry.probability * std::log(entry.probability);
  }
  return sum;
}

}  // namespace suffice
