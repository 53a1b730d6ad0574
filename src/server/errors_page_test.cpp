// docs/errors.md is made from the catalogue of core/error.hpp and the statuses of this folder: UPDATE_GOLDEN=1 rewrites it.

#include <string>

#include <gtest/gtest.h>

#include "core/error.hpp"
#include "server/http_status.hpp"
#include "testing/golden.hpp"

namespace suffice::server {
namespace {

std::string_view word(WhoActs who) {
  switch (who) {
    case WhoActs::Caller:
      return "caller";
    case WhoActs::Operator:
      return "operator";
    case WhoActs::Provider:
      return "provider";
    case WhoActs::Developer:
      return "developers of Suffice";
  }
  return "";
}

std::string errors_page() {
  std::string page =
      "# Errors\n\n"
      "Made from the catalogue in `src/core/error.hpp` by `errors_page_test.cpp`; do not edit. The number is stored in audit events and\n"
      "never reused; the name is the `code` of an error body, the `outcome` of an audit event and a metrics label.\n\n"
      "| number | name | HTTP | meaning | who can act | may a retry help |\n"
      "|---|---|---|---|---|---|\n";
  for (const ErrorInfo& row : error_catalogue()) {
    const int status = http_status(Error{.code = row.code, .message = {}, .where = {}});
    page += "| " + std::to_string(static_cast<int>(row.code)) + " | `" + std::string(row.name) + "` | " +
            std::to_string(status) + " | " + std::string(row.meaning) + " | " + std::string(word(row.who)) + " | " +
            (row.retry == Retry::Maybe ? "yes" : "no") + " |\n";
  }
  return page;
}

TEST(ErrorsPage, SaysWhatTheCatalogueSays) {
  EXPECT_TRUE(testing::golden_file(std::string(SUFFICE_SOURCE_DIR) + "/docs/errors.md", errors_page()));
}

}  // namespace
}  // namespace suffice::server
