#include "wire/sse.hpp"

#include <utility>

namespace suffice::wire {
namespace {

constexpr std::string_view kBom = "\xef\xbb\xbf";

}  // namespace

Result<void> SseReader::feed(std::string_view bytes, std::vector<SseEvent>& events) {
  // The BOM may come in pieces; what matched only in part belongs to the first line.
  while (!started_ && !bytes.empty()) {
    if (bytes.front() != kBom[bom_matched_]) {
      line_.append(kBom, 0, bom_matched_);
      started_ = true;
      break;
    }
    bytes.remove_prefix(1);
    started_ = ++bom_matched_ == kBom.size();
  }

  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() + event_.data.size() > event_bytes_max_) {
      return fail(ErrorCode::ProtocolError,
                  "a server-sent event is over its limit of " + std::to_string(event_bytes_max_) + " bytes");
    }
    line_ += piece;
    if (end == std::string_view::npos) break;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    end_line(events);
  }
  return {};
}

void SseReader::end_line(std::vector<SseEvent>& events) {
  if (line_.empty()) {
    if (has_data_) {
      SseEvent done = event_;
      done.data.pop_back();  // the last line break is not part of the data
      events.push_back(std::move(done));
    }
    event_.event.clear();
    event_.data.clear();  // `id` stays: it is the stream's last event id
    has_data_ = false;
    return;
  }
  const std::string_view line = line_;
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    event_.data += value;
    event_.data += '\n';
    has_data_ = true;
  } else if (field == "event") {
    event_.event = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    event_.id = value;
  }
  line_.clear();
}

bool SseReader::at_boundary() const {
  return line_.empty() && !has_data_ && event_.event.empty() && (started_ || bom_matched_ == 0);
}

std::string sse_event(std::string_view event, std::string_view data) {
  std::string out;
  out.reserve(event.size() + data.size() + 24);
  if (!event.empty()) {
    out += "event: ";
    out += event;
    out += '\n';
  }
  while (true) {
    const std::size_t end = data.find_first_of("\r\n");
    out += "data: ";
    out += data.substr(0, end);
    out += '\n';
    if (end == std::string_view::npos) break;
    const bool crlf = data.substr(end, 2) == "\r\n";
    data.remove_prefix(end + (crlf ? 2 : 1));
  }
  out += '\n';
  return out;
}

std::string sse_comment(std::string_view text) {
  std::string out = ": ";
  for (const char c : text) out += c == '\r' || c == '\n' ? ' ' : c;
  out += "\n\n";
  return out;
}

}  // namespace suffice::wire
