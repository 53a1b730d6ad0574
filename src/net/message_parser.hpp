#pragma once
// HTTP/1.1 messages from bytes: Beast's parser plus the strictness that keeps two programs from framing one message
// differently (request smuggling). No sockets, so that tables and fuzzers can drive it. Private to net/.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/beast/http/basic_parser.hpp>

#include "core/result.hpp"
#include "net/http.hpp"

namespace suffice::net {

/// Refuses a message head that Beast would repair: a bare CR or LF, obsolete line folding (RFC 9112, 2.2 and 5.2).
/// Fed with a growing buffer; looks at every byte once.
class HeadScanner {
 public:
  enum class Verdict : std::uint8_t { NeedMore, Complete, Malformed };
  /// `buffer` starts at the first byte of the message and only ever grows between calls.
  Verdict scan(std::string_view buffer);
  /// Bytes of the head with its empty line, after Complete.
  [[nodiscard]] std::size_t head_size() const { return line_start_; }

 private:
  std::size_t line_start_ = 0;
  std::size_t scanned_ = 0;
};

/// What request and response have in common. One message per object.
struct ParsedMessage {
  Headers headers;
  std::string body;  ///< what has come since the last take
  int version = 11;
  bool header_done = false;
  std::string method;  ///< requests
  std::string target;  ///< requests, as sent
  int status = 0;      ///< responses
};

struct ParserLimits {
  std::size_t header_bytes_max = 32UL * 1024;
  std::size_t body_bytes_max = 16UL * 1024 * 1024;
};

/// One incoming message. `IsRequest` chooses which.
///
/// Beyond Beast: Transfer-Encoding is "chunked" alone and in HTTP/1.1 only, Content-Length is one number sent once,
/// Host is there once in an HTTP/1.1 request, trailers are read and dropped.
template <bool IsRequest>
class MessageParser : private boost::beast::http::basic_parser<IsRequest> {
  using Base = boost::beast::http::basic_parser<IsRequest>;
  using ErrorCodeRef = boost::beast::error_code&;
  using View = boost::beast::string_view;

 public:
  explicit MessageParser(ParserLimits limits);

  /// The response answers a HEAD request: it has no body whatever its fields say.
  void expect_no_body() { this->skip(true); }

  /// Takes bytes from the front of `buffer` and says how many. The next call must start with the rest, however little.
  /// Errors: MalformedRequest (request) or ProtocolError (response), PayloadTooLarge with where = "header" or "body",
  /// UnsupportedField for a transfer coding other than chunked.
  Result<std::size_t> put(std::string_view buffer);
  /// The peer closed: true when that is how this message may end. Only a response without length may.
  bool put_eof();

  [[nodiscard]] bool done() const { return this->is_done(); }
  [[nodiscard]] bool header_done() const { return message_.header_done; }
  [[nodiscard]] bool got_some() const { return got_some_; }
  /// Whether the connection may carry another message after this one.
  [[nodiscard]] bool keep_alive() const { return this->Base::keep_alive() && !this->need_eof(); }
  [[nodiscard]] ParsedMessage& message() { return message_; }

 private:
  using Method = boost::beast::http::verb;
  using Field = boost::beast::http::field;

  void on_request_impl(Method, View method, View target, int version, ErrorCodeRef ec) override;
  void on_response_impl(int status, View reason, int version, ErrorCodeRef ec) override;
  void on_field_impl(Field field, View name, View value, ErrorCodeRef ec) override;
  void on_header_impl(ErrorCodeRef ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCodeRef ec) override;
  std::size_t on_body_impl(View piece, ErrorCodeRef ec) override;
  void on_chunk_header_impl(std::uint64_t size, View, ErrorCodeRef) override { chunk_left_ = size; }
  std::size_t on_chunk_body_impl(std::uint64_t left, View piece, ErrorCodeRef ec) override;
  void on_finish_impl(ErrorCodeRef) override {}

  std::unexpected<Error> malformed(std::string message) const;
  std::unexpected<Error> translate(const boost::beast::error_code& ec);

  ParserLimits limits_;
  HeadScanner scanner_;
  ParsedMessage message_;
  std::optional<Error> refusal_;  ///< set by a callback that stops the parser
  std::size_t body_bytes_ = 0;
  std::uint64_t chunk_left_ = 0;  ///< of the chunk in work
  int content_lengths_ = 0;
  int transfer_encodings_ = 0;
  int hosts_ = 0;
  bool got_some_ = false;
};

using RequestParser = MessageParser<true>;
using ResponseParser = MessageParser<false>;

}  // namespace suffice::net
