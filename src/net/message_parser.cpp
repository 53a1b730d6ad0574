#include "net/message_parser.hpp"

#include <algorithm>
#include <cstring>

#include <boost/beast/http/error.hpp>

namespace suffice::net {
namespace {

namespace http = boost::beast::http;

/// Reserved for a body whose length the peer announces; the rest grows as it arrives, so that a lie costs no memory.
constexpr std::size_t kBodyReserveMax = 256UL * 1024;

/// "0\r\n\r\n", the least that can still be to come while a chunked message is not complete.
constexpr std::size_t kLastChunkSize = 5;

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 19 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_host_value(std::string_view value) { return value.find_first_of(" \t/\\@,?#") == std::string_view::npos; }

std::string_view to_view(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

HeadScanner::Verdict HeadScanner::scan(std::string_view buffer) {
  while (scanned_ < buffer.size()) {
    const char* from = buffer.data() + scanned_;
    const void* found = std::memchr(from, '\n', buffer.size() - scanned_);
    if (found == nullptr) {
      scanned_ = buffer.size();
      break;
    }
    const auto line_end = static_cast<std::size_t>(static_cast<const char*>(found) - buffer.data());
    const std::string_view line = buffer.substr(line_start_, line_end - line_start_);
    const std::size_t carriage_return = line.find('\r');
    if (carriage_return == std::string_view::npos || carriage_return + 1 != line.size()) return Verdict::Malformed;
    const bool folded = line.front() == ' ' || line.front() == '\t';
    if (folded) return Verdict::Malformed;
    scanned_ = line_end + 1;
    line_start_ = scanned_;
    if (line.size() == 1) return Verdict::Complete;
  }
  return Verdict::NeedMore;
}

template <bool IsRequest>
MessageParser<IsRequest>::MessageParser(ParserLimits limits) : limits_(limits) {
  this->eager(true);
  this->body_limit(boost::none);  // counted in on_body_impl, for every kind of framing
  this->header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(limits.header_bytes_max + 4, 1UL << 30)));
}

template <bool IsRequest>
Result<std::size_t> MessageParser<IsRequest>::put(std::string_view buffer) {
  if (buffer.empty()) return 0U;
  std::size_t skipped = 0;
  if (!message_.header_done) {
    if constexpr (IsRequest) {
      // RFC 9112, 2.2: an empty line before the request line is ignored.
      while (!got_some_ && buffer.starts_with("\r\n")) buffer.remove_prefix(2), skipped += 2;
      if (!got_some_ && (buffer.empty() || buffer == "\r")) return skipped;
    }
    got_some_ = true;
    if (!is_token(buffer.substr(0, 1))) return malformed("the first byte cannot start an HTTP message");
    const HeadScanner::Verdict verdict = scanner_.scan(buffer);
    if (verdict == HeadScanner::Verdict::Malformed)
      return malformed("the header holds a bare CR or LF, or a folded line");
    const std::size_t head_size = verdict == HeadScanner::Verdict::Complete ? scanner_.head_size() : buffer.size();
    if (head_size > limits_.header_bytes_max)
      return fail(ErrorCode::PayloadTooLarge, "the header is too large", "header");
    if (verdict == HeadScanner::Verdict::NeedMore) return skipped;
  }
  // Beast 1.81 asserts when the last chunk comes first and in two pieces, "0\r\n" and then less than all of "\r\n".
  const bool at_last_chunk = transfer_encodings_ > 0 && chunk_left_ == 0 && buffer.starts_with('0');
  if (at_last_chunk && buffer.size() < kLastChunkSize) return skipped;
  boost::beast::error_code ec;
  const std::size_t used = Base::put({buffer.data(), buffer.size()}, ec);
  if (ec && ec != http::error::need_more) return translate(ec);
  // What is left belongs to a chunk header or to the trailers; neither may grow without end.
  if (!done() && buffer.size() - used > limits_.header_bytes_max) {
    return fail(ErrorCode::PayloadTooLarge, "a chunk header or the trailers are too large", "header");
  }
  return skipped + used;
}

template <bool IsRequest>
bool MessageParser<IsRequest>::put_eof() {
  if (!message_.header_done) return false;
  if (done()) return true;
  boost::beast::error_code ec;
  Base::put_eof(ec);
  return !ec && done();
}

template <bool IsRequest>
void MessageParser<IsRequest>::on_request_impl(Method, View method, View target, int version, ErrorCodeRef) {
  message_.method = to_view(method);
  message_.target = to_view(target);
  message_.version = version;
}

template <bool IsRequest>
void MessageParser<IsRequest>::on_response_impl(int status, View, int version, ErrorCodeRef) {
  message_.status = status;
  message_.version = version;
}

template <bool IsRequest>
void MessageParser<IsRequest>::on_field_impl(Field field, View name, View value, ErrorCodeRef ec) {
  if (message_.header_done) return;  // a trailer: never merged into the header (RFC 9110, 6.5.1)
  bool valid = true;
  if (field == Field::content_length) {
    valid = ++content_lengths_ == 1 && is_number(to_view(value));
  } else if (field == Field::transfer_encoding) {
    valid = ++transfer_encodings_ == 1;
    if (!equal_ignoring_case(to_view(value), "chunked")) {
      refusal_ = fail(ErrorCode::UnsupportedField, "the only transfer coding understood is chunked").error();
      ec = http::error::bad_transfer_encoding;
      return;
    }
  } else if (IsRequest && field == Field::host) {
    valid = ++hosts_ == 1 && is_host_value(to_view(value));
  }
  if (!valid) {
    ec = http::error::bad_value;
    return;
  }
  message_.headers.add(std::string{to_view(name)}, std::string{to_view(value)});
}

template <bool IsRequest>
void MessageParser<IsRequest>::on_header_impl(ErrorCodeRef ec) {
  message_.header_done = true;
  if (transfer_encodings_ > 0 && (content_lengths_ > 0 || message_.version < 11))
    ec = http::error::bad_transfer_encoding;
  if (IsRequest && hosts_ == 0 && message_.version >= 11) {
    refusal_ = fail(ErrorCode::MalformedRequest, "the Host header is missing").error();
    ec = http::error::bad_field;
  }
  const auto length = this->content_length();
  if (length && *length > limits_.body_bytes_max && this->content_length_remaining().value_or(0) > 0)
    ec = http::error::body_limit;
}

template <bool IsRequest>
void MessageParser<IsRequest>::on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCodeRef) {
  if (length) message_.body.reserve(std::min<std::size_t>(*length, kBodyReserveMax));
}

template <bool IsRequest>
std::size_t MessageParser<IsRequest>::on_body_impl(View piece, ErrorCodeRef ec) {
  if (piece.size() > limits_.body_bytes_max - body_bytes_) {
    ec = http::error::body_limit;
    return 0;
  }
  body_bytes_ += piece.size();
  message_.body.append(piece.data(), piece.size());
  return piece.size();
}

template <bool IsRequest>
std::size_t MessageParser<IsRequest>::on_chunk_body_impl(std::uint64_t, View piece, ErrorCodeRef ec) {
  const std::size_t taken = on_body_impl(piece, ec);
  chunk_left_ -= taken;
  return taken;
}

template <bool IsRequest>
std::unexpected<Error> MessageParser<IsRequest>::malformed(std::string message) const {
  return fail(IsRequest ? ErrorCode::MalformedRequest : ErrorCode::ProtocolError, std::move(message));
}

template <bool IsRequest>
std::unexpected<Error> MessageParser<IsRequest>::translate(const boost::beast::error_code& ec) {
  if (refusal_) return fail(*refusal_);
  if (ec == http::error::body_limit) return fail(ErrorCode::PayloadTooLarge, "the body is too large", "body");
  if (ec == http::error::header_limit) return fail(ErrorCode::PayloadTooLarge, "the header is too large", "header");
  return malformed("malformed HTTP message: " + ec.message());
}

template class MessageParser<true>;
template class MessageParser<false>;

}  // namespace suffice::net
