#include "wire/ndjson.hpp"

#include <utility>

namespace suffice::wire {

Result<void> NdjsonReader::feed(std::string_view bytes, std::vector<std::string>& lines) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() > line_bytes_max_) {
      return fail(ErrorCode::ProtocolError,
                  "a line is over its limit of " + std::to_string(line_bytes_max_) + " bytes");
    }
    line_ += piece;
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    if (!line_.empty()) lines.push_back(std::exchange(line_, {}));
  }
  return {};
}

}  // namespace suffice::wire
