#pragma once
// The seam between the one request flow (chat_surface.hpp) and the vendors' ways of writing a chat down.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "core/chat.hpp"
#include "core/clock.hpp"
#include "core/result.hpp"
#include "net/http_server.hpp"
#include "pipeline/gateway.hpp"

namespace suffice::server {

/// What decode() made of a body.
struct DecodedChat {
  ChatRequest chat;
  std::string notes;  ///< the dialect's own, handed back to its encoders (Responses echoes fields of the request, say)
};

/// The question an encoder writes the answer to. Everything referred to outlives the encoder.
struct AskedChat {
  const ChatRequest& chat;
  std::string_view notes;
  std::string_view request_id;
  WallTime time;  ///< what "created" fields say
};

/// How it was answered.
struct AnsweredChat {
  const Completion& completion;
  const pipeline::Decision& decision;
  std::chrono::nanoseconds elapsed;  ///< since the whole request was read
};

/// Writes one streamed answer by appending to `out`. Order of use: begin, delta*, then end or error; keep_alive only before begin.
/// One thread.
class ChatStreamEncoder {
 public:
  virtual ~ChatStreamEncoder() = default;
  /// Bytes every client of the dialect skips, for a stream that is silent while a local answer is judged.
  [[nodiscard]] virtual std::string keep_alive() const = 0;
  /// Bytes every client of the dialect skips and a person can read; by default only that it lives.
  [[nodiscard]] virtual std::string progress(std::string_view /*text*/) const { return keep_alive(); }
  virtual void begin(std::string& out) = 0;
  virtual void delta(const Delta& delta, std::string& out) = 0;
  virtual void end(const AnsweredChat& answered, std::string& out) = 0;
  /// An error inside a stream that has begun. The surface breaks the stream off behind it.
  virtual void error(const Error& error, int status, std::string& out) = 0;
};

/// One vendor's chat endpoint: translation, no state that another answer would show; any thread. Implementations: openai_chat_dialect.hpp and its neighbours.
class ChatDialect {
 public:
  virtual ~ChatDialect() = default;
  /// Name of the surface for the record: "openai.chat.completions".
  [[nodiscard]] virtual std::string_view surface() const = 0;
  /// Refuses what cannot be honoured with UnsupportedField naming it.
  [[nodiscard]] virtual Result<DecodedChat> decode(const net::ServerRequest& request) const = 0;
  [[nodiscard]] virtual std::string encode(const AskedChat& asked, const AnsweredChat& answered) const = 0;
  [[nodiscard]] virtual std::string encode_error(const Error& error, int status, std::string_view request_id) const = 0;
  [[nodiscard]] virtual std::unique_ptr<ChatStreamEncoder> stream(const AskedChat& asked) const = 0;
  [[nodiscard]] virtual std::string_view stream_content_type() const { return "text/event-stream; charset=utf-8"; }
  /// Headers of the vendor's own on every answer and error.
  virtual void add_headers(net::Headers&, std::string_view /*request_id*/) const {}
  /// True for dialects whose clients send JSON under any media type (`curl -d`). Then a body of another type is still refused when a
  /// browser's Origin header is there: a web page needs no permission to send such a body.
  [[nodiscard]] virtual bool any_media_type() const { return false; }
};

}  // namespace suffice::server
