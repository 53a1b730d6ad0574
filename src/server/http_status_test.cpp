#include "server/http_status.hpp"

#include <gtest/gtest.h>

#include "server/router.hpp"

namespace suffice::server {
namespace {

TEST(HttpStatus, GivesEveryErrorOfTheCatalogueAnErrorStatus) {
  for (const ErrorInfo& row : error_catalogue()) {
    const int status = http_status(Error{.code = row.code, .message = {}, .where = {}});
    EXPECT_GE(status, 400) << row.name;
    EXPECT_LT(status, 600) << row.name;
    if (row.who == WhoActs::Caller && row.retry == Retry::Never) EXPECT_LT(status, 500) << row.name;
  }
}

TEST(HttpStatus, PassesAProvidersWordAboutTheRequestOn) {
  Error error{.code = ErrorCode::UpstreamRejected, .message = {}, .where = {}, .upstream_status = 422};
  EXPECT_EQ(http_status(error), 422);
  error.upstream_status = 418;
  EXPECT_EQ(http_status(error), 400);
}

TEST(RetryAfter, IsSentInWholeSecondsWhereItHelps) {
  net::Headers headers;
  add_retry_after(headers, Error{.code = ErrorCode::RateLimited, .message = {}, .where = {}, .retry_after_ms = 1'200},
                  429);
  EXPECT_EQ(headers.get("Retry-After"), "2");

  net::Headers none;
  add_retry_after(none, Error{.code = ErrorCode::NotFound, .message = {}, .where = {}}, 404);
  EXPECT_FALSE(none.contains("retry-after"));
}

TEST(LoopbackHost, IsOnlyThisMachine) {
  for (const char* host : {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.0.0.1", "[::1]:80", "[::1]"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host :
       {"", "evil.example", "localhost.evil.example", "10.0.0.1", "[::2]", "1270.0.0.1", "127.0.0.1.evil.example"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

}  // namespace
}  // namespace suffice::server
