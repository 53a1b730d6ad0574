#include "engine/text_stream.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/text.hpp"

namespace suffice::engine {
namespace {

std::string replace_invalid(std::string_view bytes) {
  std::string text;
  while (const auto bad = first_invalid_utf8(bytes)) {
    text.append(bytes.substr(0, *bad)).append("\xEF\xBF\xBD");
    bytes.remove_prefix(*bad + 1);
  }
  return text.append(bytes);
}

/// Length of a character at the end of `text` that lacks bytes, 0 when the last one is whole (or no beginning of any).
std::size_t incomplete_tail(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<std::uint8_t>(text[text.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;
    const std::size_t length = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

/// Length of the longest end of `text` that begins `stop`.
std::size_t begun(std::string_view text, std::string_view stop) {
  for (std::size_t size = std::min(text.size(), stop.size() - 1); size > 0; --size) {
    if (text.ends_with(stop.substr(0, size))) return size;
  }
  return 0;
}

}  // namespace

TextStream::TextStream(std::vector<std::string> stops) : stops_(std::move(stops)) { std::erase(stops_, std::string()); }

std::string TextStream::push(std::string_view piece) {
  if (stopped_) return {};
  pending_.append(piece);
  std::size_t stop_at = std::string::npos;
  for (const std::string& stop : stops_) stop_at = std::min(stop_at, pending_.find(stop));
  if (stop_at != std::string::npos) {
    stopped_ = true;
    pending_.resize(stop_at);
    return replace_invalid(std::exchange(pending_, {}));
  }
  std::size_t held = 0;
  for (const std::string& stop : stops_) held = std::max(held, begun(pending_, stop));
  const std::string_view sure = std::string_view(pending_).substr(0, pending_.size() - held);
  const std::size_t size = sure.size() - incomplete_tail(sure);
  std::string text = replace_invalid(sure.substr(0, size));
  pending_.erase(0, size);
  return text;
}

std::string TextStream::finish() { return replace_invalid(std::exchange(pending_, {})); }

}  // namespace suffice::engine
