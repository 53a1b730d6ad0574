#include "net/address.hpp"

#include <gtest/gtest.h>

#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/response_head.hpp"

namespace suffice::net {
namespace {

TEST(Endpoint, ParsesSchemeHostPortAndPrefix) {
  const Result<Endpoint> plain = Endpoint::parse("http://127.0.0.1:8080/v1/");
  const Result<Endpoint> secure = Endpoint::parse("HTTPS://api.example.com");
  const Result<Endpoint> ipv6 = Endpoint::parse("http://[::1]:81");

  ASSERT_TRUE(plain && secure && ipv6);
  EXPECT_EQ(*plain, (Endpoint{.tls = false, .host = "127.0.0.1", .port = 8080, .path_prefix = "/v1"}));
  EXPECT_EQ(*secure, (Endpoint{.tls = true, .host = "api.example.com", .port = 443, .path_prefix = ""}));
  EXPECT_EQ(*ipv6, (Endpoint{.tls = false, .host = "::1", .port = 81, .path_prefix = ""}));
}

TEST(Endpoint, RefusesWhatIsNotAPlainHttpUrl) {
  for (const char* url : {"", "example.com", "ftp://h", "http://", "http://user:pw@h/", "http://h/?q", "http://h/#f",
                          "http://h:99999", "http://h:0", "http://h:", "http://h:8x", "http://[::1", "http://[]:1",
                          "http://h/a b", "http://h\r\nX: y/", "http://ex ample"}) {
    EXPECT_FALSE(Endpoint::parse(url)) << url;
  }
}

TEST(ListenAddress, ParsesAndKnowsLoopback) {
  struct Case {
    const char* text;
    const char* host;
    std::uint16_t port;
    bool loopback;
  };
  for (const Case& c : {Case{"127.0.0.1:8080", "127.0.0.1", 8080, true},
                        {"[::1]:0", "::1", 0, true},
                        {"localhost:1", "localhost", 1, true},
                        {"0.0.0.0:80", "0.0.0.0", 80, false},
                        {"[::]:80", "::", 80, false},
                        {"127.evil.example:80", "127.evil.example", 80, false}}) {
    const Result<ListenAddress> address = ListenAddress::parse(c.text);
    ASSERT_TRUE(address) << c.text;
    EXPECT_EQ(address->host, c.host);
    EXPECT_EQ(address->port, c.port);
    EXPECT_EQ(address->is_loopback(), c.loopback) << c.text;
    EXPECT_EQ(address->to_string(), c.text);
  }
  for (const char* text : {"", "8080", ":8080", "127.0.0.1", "h:-1", "h:65536", "[::1]", "::1:80", "h:80:90"}) {
    EXPECT_FALSE(ListenAddress::parse(text)) << text;
  }
}

TEST(Target, DecodesThePathAndKeepsTheQueryRaw) {
  struct Case {
    const char* target;
    const char* path;
    const char* query;
  };
  for (const Case& c : {Case{"/", "/", ""},
                        {"/a%20b?x=%20&y", "/a b", "x=%20&y"},
                        {"/%C3%A9", "/\xc3\xa9", ""},
                        {"http://h/p?q", "/p", "q"},
                        {"http://h", "/", ""},
                        {"http://h?q", "/", "q"},
                        {"*", "*", ""},
                        {"//a", "//a", ""},
                        {"/a%2fb/..%2F", "/a%2Fb/..%2F", ""},
                        {"/a..b/...", "/a..b/...", ""}}) {
    const Result<RequestTarget> target = parse_target(c.target);
    ASSERT_TRUE(target) << c.target;
    EXPECT_EQ(target->path, c.path);
    EXPECT_EQ(target->query, c.query);
  }
}

TEST(Target, RefusesWhatTwoProgramsCouldReadDifferently) {
  for (const char* target : {"", "a", "?q", "h:443", "/a%5Cb", "/a\\b", "/a%00", "/a%0d%0a", "/a%", "/a%4", "/a%zz",
                             "/../a", "/a/..", "/a/./b", "/%2e%2e/a", "/a#b"}) {
    EXPECT_FALSE(parse_target(target)) << target;
  }
}

TEST(ResponseHead, LetsNoHandlerSplitTheMessageOrChangeItsFraming) {
  Headers headers;
  headers.add("X-Ok", "1");
  headers.add("X-Split", "a\r\nSet-Cookie: b");
  headers.add("X Bad", "1");
  headers.add("content-length", "99");
  headers.add("transfer-encoding", "chunked");
  headers.add("Date", "then");
  std::string head;

  write_response_head(head, 200, headers, {.content_length = 2});

  EXPECT_EQ(head, "HTTP/1.1 200 OK\r\nX-Ok: 1\r\nDate: then\r\nContent-Length: 2\r\n\r\n");
}

TEST(ResponseHead, HasADate) {
  std::string head;

  write_response_head(head, 204, {}, {.keep_alive = false});

  EXPECT_TRUE(head.starts_with("HTTP/1.1 204 No Content\r\nDate: ")) << head;
  const std::string date = head.substr(31, 29);
  EXPECT_TRUE(date.ends_with(" GMT")) << date;  // "Sun, 06 Nov 1994 08:49:37 GMT"
  EXPECT_EQ(date.substr(3, 2), ", ");
  EXPECT_TRUE(head.ends_with("\r\nConnection: close\r\n\r\n")) << head;
}

TEST(Headers, CompareNamesWithoutCase) {
  Headers headers;
  headers.add("Content-Type", "a");
  headers.add("content-type", "b");

  EXPECT_EQ(headers.get("CONTENT-TYPE"), "a");
  headers.set("Content-type", "c");
  EXPECT_EQ(headers.all().size(), 1U);
  EXPECT_EQ(headers.get("content-type"), "c");
  EXPECT_FALSE(headers.contains("content"));
}

}  // namespace
}  // namespace suffice::net
