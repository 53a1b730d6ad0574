#include "models/hub.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::models {
namespace {

using ::testing::HasSubstr;

const std::string kDigest(64, 'c');

TEST(HubUrl, EncodesEveryPart) {
  EXPECT_EQ(hub_url({.repository = "Qwen/Qwen2.5-GGUF", .file = "a b/q4 k.gguf", .revision = "refs/pr/1"}).value(),
            "https://huggingface.co/Qwen/Qwen2.5-GGUF/resolve/refs%2Fpr%2F1/a%20b/q4%20k.gguf");
  EXPECT_EQ(hub_url({.hub = "http://127.0.0.1:9/", .repository = "a/b", .file = "c.gguf"}).value(),
            "http://127.0.0.1:9/a/b/resolve/main/c.gguf");
}

TEST(HubUrl, RefusesPartsThatLeadElsewhere) {
  struct Case {
    HubFile file;
    const char* where;
  };
  const Case cases[] = {{{.repository = "name", .file = "f"}, "REPO"},
                        {{.repository = "a/b/c", .file = "f"}, "REPO"},
                        {{.repository = "../b", .file = "f"}, "REPO"},
                        {{.repository = "a/b", .file = "../../f"}, "FILE"},
                        {{.repository = "a/b", .file = ""}, "FILE"},
                        {{.repository = "a/b", .file = "/f"}, "FILE"},
                        {{.repository = "a/b", .file = "f\nHost: x"}, "FILE"},
                        {{.repository = "a/b", .file = "f", .revision = ".."}, "--revision"},
                        {{.hub = "ftp://x", .repository = "a/b", .file = "f"}, "--hub"},
                        {{.hub = "https://u@x", .repository = "a/b", .file = "f"}, "--hub"}};
  for (const Case& c : cases)
    EXPECT_EQ(hub_url(c.file).error().where, c.where) << c.file.repository << " " << c.file.file;
}

TEST(Follow, KeepsOriginsApartAndNeverLeavesTls) {
  const Target hub = parse_target_url("https://hub.example/a/b?c=d").value();
  EXPECT_EQ(hub.path, "/a/b?c=d");
  const Target same = follow(hub, "/api/x").value();
  EXPECT_TRUE(same.same_origin(hub));
  EXPECT_EQ(same.path, "/api/x");
  EXPECT_TRUE(follow(hub, "https://HUB.example:443/y")->same_origin(hub));
  const Target other = follow(hub, "https://cdn.example/y?sig=1#part").value();
  EXPECT_FALSE(other.same_origin(hub));
  EXPECT_EQ(other.path, "/y?sig=1");
  EXPECT_FALSE(follow(hub, "https://hub.example:8443/y")->same_origin(hub));
  for (const char* location : {"http://hub.example/y", "//cdn.example/y", "file:///etc/passwd", "y", ""}) {
    EXPECT_EQ(follow(hub, location).error().code, ErrorCode::ProtocolError) << location;
  }
}

TEST(DigestIn, ReadsEveryWayHubsWriteIt) {
  EXPECT_EQ(digest_in("\"" + kDigest + "\""), kDigest);
  EXPECT_EQ(digest_in("W/\"" + kDigest + "\""), kDigest);
  EXPECT_EQ(digest_in("\"sha256:" + kDigest + "\""), kDigest);
  EXPECT_EQ(digest_in(std::string(64, 'C')), kDigest);
  for (const std::string& none : {std::string(), std::string("\"abc\""), kDigest + "0", std::string(64, 'g')}) {
    EXPECT_EQ(digest_in(none), std::nullopt) << none;
  }
}

TEST(ContentRange, ReadsWholeRangesOnly) {
  const auto range = parse_content_range("bytes 100-199/200");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 100U);
  EXPECT_EQ(range->total, 200U);
  for (const char* bad : {"", "bytes */200", "bytes 100-99/200", "bytes 0-200/200", "bytes 0-1/*", "items 0-1/2",
                          "bytes 0-1/99999999999999999999", "bytes -1/2"}) {
    EXPECT_FALSE(parse_content_range(bad)) << bad;
  }
}

TEST(RefusalOf, SaysWhatToDo) {
  EXPECT_EQ(refusal_of(404, "u", false).code, ErrorCode::NotFound);
  EXPECT_THAT(refusal_of(401, "u", false).message, HasSubstr("set HF_TOKEN"));
  EXPECT_THAT(refusal_of(403, "u", true).message, HasSubstr("licence"));
  EXPECT_EQ(refusal_of(503, "u", false).code, ErrorCode::UpstreamFailed);
  EXPECT_EQ(refusal_of(503, "u", false).upstream_status, 503);
}

}  // namespace
}  // namespace suffice::models
