#pragma once
// Server-sent events (WHATWG HTML, 9.2.6): an incremental reader and a writer.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace suffice::wire {

struct SseEvent {
  std::string event;  ///< empty means "message"
  std::string data;   ///< data lines joined by LF
  std::string id;
  bool operator==(const SseEvent&) const = default;
};

/// Fed with bytes split anywhere, gives whole events. CRLF, CR and LF end lines; one BOM at the start is skipped; comments are dropped.
/// One thread.
class SseReader {
 public:
  explicit SseReader(std::size_t event_bytes_max = 8UL * 1024 * 1024) : event_bytes_max_(event_bytes_max) {}
  /// Appends the events that `bytes` completes. ProtocolError when one event is over its limit.
  Result<void> feed(std::string_view bytes, std::vector<SseEvent>& events);
  /// True when the stream may end here: no event is half read.
  [[nodiscard]] bool at_boundary() const;

 private:
  void end_line(std::vector<SseEvent>& events);
  std::size_t event_bytes_max_;
  std::string line_;
  SseEvent event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  std::size_t bom_matched_ = 0;
  bool started_ = false;
};

/// "event: x\ndata: ...\n\n"; `event` empty omits its line; line breaks in data become several data lines.
[[nodiscard]] std::string sse_event(std::string_view event, std::string_view data);
/// ": text\n\n": a keep-alive that clients ignore.
[[nodiscard]] std::string sse_comment(std::string_view text);

}  // namespace suffice::wire
