#include "gate/text_windows.hpp"

#include <algorithm>

namespace suffice::gate {
namespace {

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// Where the first piece of `text`, which is longer than `bytes_max`, ends.
std::size_t first_end(std::string_view text, std::size_t bytes_max) {
  const std::size_t blank = text.substr(0, bytes_max).find_last_of(" \n");
  if (blank != std::string_view::npos && blank >= bytes_max / 2) return blank + 1;
  std::size_t end = bytes_max;
  while (end > 1 && continues_character(text[end])) --end;
  return end;
}

}  // namespace

std::vector<std::string_view> text_windows(std::string_view text, std::size_t bytes_max) {
  std::vector<std::string_view> windows;
  windows.reserve(text.size() / std::max<std::size_t>(1, bytes_max / 2) + 1);
  while (text.size() > bytes_max) {
    const std::size_t end = first_end(text, bytes_max);
    windows.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  windows.push_back(text);
  return windows;
}

}  // namespace suffice::gate
