#include "server/credential.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "core/hash.hpp"

namespace suffice::server {
namespace {

TEST(Credential, IsTheHashOfTheKeyWhereverAVendorsClientPutsIt) {
  struct Case {
    std::string name;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string key;  // empty: none
  };
  const std::vector<Case> cases = {
      {"none", {}, ""},
      {"OpenAI's", {{"Authorization", "Bearer sk-1"}}, "sk-1"},
      {"scheme in any case", {{"authorization", "bearer sk-1"}}, "sk-1"},
      {"blanks around it", {{"authorization", "  Bearer   sk-1 "}}, "sk-1"},
      {"Anthropic's", {{"x-api-key", "sk-2"}}, "sk-2"},
      {"Azure's", {{"api-key", "sk-3"}}, "sk-3"},
      {"Authorization first", {{"x-api-key", "sk-2"}, {"authorization", "Bearer sk-1"}}, "sk-1"},
      {"another scheme is no key", {{"authorization", "Basic c2stMQ=="}}, ""},
      {"another scheme does not hide a key", {{"authorization", "Basic c2stMQ=="}, {"x-api-key", "sk-2"}}, "sk-2"},
      {"an empty one", {{"authorization", "Bearer "}}, ""},
  };
  for (const Case& one : cases) {
    net::Headers headers;
    for (const auto& [name, value] : one.headers) headers.add(name, value);
    EXPECT_EQ(credential_of(headers), one.key.empty() ? "" : sha256_hex(one.key)) << one.name;
  }
}

}  // namespace
}  // namespace suffice::server
