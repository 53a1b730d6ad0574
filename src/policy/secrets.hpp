#pragma once
// Recognises a secret that somebody wrote where only its name belongs.

#include <string_view>

namespace suffice::policy {

/// True for well-known key prefixes (OpenAI, Anthropic, GitHub, GitLab, Slack, AWS, Google, JWT) and for 32 or more
/// letters and digits in a row with both among them. Meant for places where a name, URL or model id belongs.
[[nodiscard]] bool looks_like_secret(std::string_view text);

}  // namespace suffice::policy
