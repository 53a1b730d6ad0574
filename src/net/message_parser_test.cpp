#include "net/message_parser.hpp"

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

namespace suffice::net {
namespace {

constexpr ParserLimits kLimits{.header_bytes_max = 256, .body_bytes_max = 64};

template <class Parser>
struct Outcome {
  Parser parser{kLimits};
  std::optional<Error> error;
  std::string rest;  ///< not consumed
};

/// Feeds `bytes` in pieces of `step`, as a connection would.
template <class Parser>
Outcome<Parser>& feed(Outcome<Parser>& outcome, std::string_view bytes, std::size_t step) {
  while (!bytes.empty() && !outcome.parser.done() && !outcome.error) {
    outcome.rest += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    const Result<std::size_t> used = outcome.parser.put(outcome.rest);
    if (!used) {
      outcome.error = used.error();
    } else {
      outcome.rest.erase(0, *used);
    }
  }
  outcome.rest += bytes;
  return outcome;
}

struct Refusal {
  const char* name;
  std::string_view bytes;
  ErrorCode code = ErrorCode::MalformedRequest;
  std::string_view where = {};
};

const std::string kLong(300, 'a');
const std::string kLongHeader = "GET / HTTP/1.1\r\nHost: h\r\nX: " + kLong + "\r\n\r\n";
const std::string kEndlessChunkExtension = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + kLong;
const std::string kEndlessTrailer = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + kLong;

const Refusal kRefusals[] = {
    {"content length and chunked",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"chunked and content length",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"},
    {"two different content lengths",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
    {"the same content length twice",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
    {"a list of content lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc"},
    {"a signed content length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc"},
    {"a negative content length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\nabc"},
    {"a hexadecimal content length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc"},
    {"a content length beyond 64 bits", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n"},
    {"an empty content length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n"},
    {"gzip, chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     ErrorCode::UnsupportedField},
    {"identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n", ErrorCode::UnsupportedField},
    {"chunked with a disguise", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
     ErrorCode::UnsupportedField},
    {"chunked twice",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n"},
    {"a folded line", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n"},
    {"a folded first line", "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
    {"a bare LF", "GET / HTTP/1.1\nHost: h\n\n"},
    {"a bare CR in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n"},
    {"a NUL in a value", std::string_view("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 36)},
    {"an empty field name", "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n"},
    {"a field without colon", "GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n"},
    {"no Host", "GET / HTTP/1.1\r\n\r\n"},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
    {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {"a Host with user information", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n"},
    {"HTTP/0.9", "GET /\r\n\r\n"},
    {"lower-case protocol", "GET / http/1.1\r\nHost: h\r\n\r\n"},
    {"two spaces in the request line", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {"a TLS hello", "\x16\x03\x01\x02"},
    {"a chunk size with sign", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n"},
    {"a chunk size with prefix",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"},
    {"a chunk size with space", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n 1\r\na\r\n0\r\n\r\n"},
    {"an empty chunk size", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\r\na\r\n0\r\n\r\n"},
    {"a chunk size beyond 64 bits",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\na\r\n0\r\n\r\n"},
    {"a chunk longer than its size",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"},
    {"a chunk line ended by LF", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n"},
    {"a large header", kLongHeader, ErrorCode::PayloadTooLarge, "header"},
    {"a large announced body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65\r\n\r\n", ErrorCode::PayloadTooLarge,
     "body"},
    {"a large chunked body",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
     "30\r\n012345678901234567890123456789012345678901234567\r\n30\r\n012345678901234567890123456789012345678901234567\r\n0\r\n\r\n",
     ErrorCode::PayloadTooLarge, "body"},
    {"an endless chunk extension", kEndlessChunkExtension, ErrorCode::PayloadTooLarge, "header"},
    {"an endless trailer", kEndlessTrailer, ErrorCode::PayloadTooLarge, "header"},
};

TEST(RequestParser, RefusesWhatTwoProgramsCouldFrameDifferently) {
  for (const Refusal& refusal : kRefusals) {
    for (const std::size_t step : {1UL, 7UL, 4096UL}) {
      SCOPED_TRACE(std::string(refusal.name) + ", in pieces of " + std::to_string(step));
      Outcome<RequestParser> outcome;
      feed(outcome, refusal.bytes, step);
      ASSERT_TRUE(outcome.error);
      EXPECT_EQ(outcome.error->code, refusal.code) << outcome.error->message;
      EXPECT_EQ(outcome.error->where, refusal.where);
    }
  }
}

struct Acceptance {
  const char* name;
  std::string_view bytes;
  std::string_view body;
  bool keep_alive = true;
  std::string_view rest = {};
};

const Acceptance kAcceptances[] = {
    {"no body", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", ""},
    {"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", ""},
    {"a counted body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "abc"},
    {"two chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
     "abc"},
    {"no chunk but the last", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
    {"a last chunk with zeros to spare", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n000\r\n\r\n",
     ""},
    {"extension and trailer",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n",
     "abc"},
    {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "", false},
    {"HTTP/1.0 that asks to stay", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", ""},
    {"Connection: close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "", false},
    {"a second request behind it", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\naGET /2", "a", true,
     "GET /2"},
};

TEST(RequestParser, TakesExactlyOneMessageHoweverItIsCut) {
  for (const Acceptance& acceptance : kAcceptances) {
    for (const std::size_t step : {1UL, 5UL, 4096UL}) {
      SCOPED_TRACE(std::string(acceptance.name) + ", in pieces of " + std::to_string(step));
      Outcome<RequestParser> outcome;
      feed(outcome, acceptance.bytes, step);
      ASSERT_FALSE(outcome.error) << outcome.error->message;
      ASSERT_TRUE(outcome.parser.done());
      EXPECT_EQ(outcome.parser.message().body, acceptance.body);
      EXPECT_EQ(outcome.parser.keep_alive(), acceptance.keep_alive);
      EXPECT_EQ(outcome.rest, acceptance.rest);
      EXPECT_FALSE(outcome.parser.message().headers.contains("X-Late"));
    }
  }
}

TEST(ResponseParser, EndsAnUncountedBodyWithTheConnection) {
  Outcome<ResponseParser> outcome;
  feed(outcome, "HTTP/1.1 200 OK\r\n\r\nabc", 4096);

  EXPECT_FALSE(outcome.parser.done());
  EXPECT_TRUE(outcome.parser.put_eof());
  EXPECT_EQ(outcome.parser.message().body, "abc");
  EXPECT_FALSE(outcome.parser.keep_alive());
}

TEST(ResponseParser, NeverTakesACutBodyForAWholeOne) {
  for (const std::string_view cut :
       {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", "HTTP/1.1 200 OK\r\nContent-Le"}) {
    SCOPED_TRACE(cut);
    Outcome<ResponseParser> outcome;
    feed(outcome, cut, 4096);
    EXPECT_FALSE(outcome.error);
    EXPECT_FALSE(outcome.parser.put_eof());
  }
}

TEST(ResponseParser, CallsBrokenFramingAProtocolError) {
  Outcome<ResponseParser> outcome;
  feed(outcome, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 4096);

  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code, ErrorCode::ProtocolError);
}

}  // namespace
}  // namespace suffice::net
