// Pulls over real sockets from a server that does what the test has written for it, in the ways of a hub and its storage host:
// redirects, ranges, cuts and lies.
#include "models/pull.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "models/made_gguf.hpp"
#include "net/run_sync.hpp"
#include "testing/imposter.hpp"
#include "testing/manual_clock.hpp"

namespace suffice::models {
namespace {

namespace fs = std::filesystem;
using suffice::testing::Imposter;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kTarget = "/owner/name/resolve/main/tiny.gguf";
constexpr const char* kEtag = "\"v1\"";

/// A GGUF of some hundred kilobytes, so that it comes in pieces.
std::string big_gguf() {
  return MadeGguf()
      .header(1, 1)
      .entry("general.architecture", "llama")
      .tensor("t", {50'000}, 0, 0)
      .data(200'000)
      .bytes();
}

net::Headers headers(const std::vector<std::pair<std::string, std::string>>& fields) {
  net::Headers made;
  for (const auto& [name, value] : fields) made.add(name, value);
  return made;
}

/// The head of an answer that promises `size` bytes, and only `sent` of them; then the line is cut.
std::string cut_answer(std::string_view status, const std::string& fields, std::size_t size, std::string_view sent) {
  return fmt::format("HTTP/1.1 {}\r\ncontent-length: {}\r\n{}\r\n", status, size, fields) + std::string(sent);
}

class Pull : public ::testing::Test {
 protected:
  Pull() {
    std::string name = (fs::temp_directory_path() / "suffice-pull-XXXXXX").string();
    folder_ = ::mkdtemp(name.data()) != nullptr ? name : std::string();
    store = ModelStore(folder_ / "store");
    request.file = {.hub = hub.url(), .repository = "owner/name", .file = "tiny.gguf"};
    request.name = "tiny";
  }
  ~Pull() override { fs::remove_all(folder_); }

  Result<StoredModel> pull() {
    return net::run_sync(
        models::pull(request, store, http, clock, [this](const PullProgress& p) { progress.push_back(p); }));
  }
  /// The hub's way of saying the digest and sending us on.
  void expect_redirect(const std::string& location, const std::string& digest = sha256_hex(big_gguf())) {
    hub.expect("GET", kTarget)
        .respond(302, "", headers({{"location", location}, {"x-linked-etag", "\"" + digest + "\""}}));
  }
  std::vector<std::string> partial_files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(store.folder() / "partial"))
      names.push_back(entry.path().extension());
    return names;
  }
  std::string header_of(const Imposter& server, std::size_t request_index, std::string_view name) const {
    return std::string(server.requests().at(request_index).headers.get(name));
  }
  /// A pull that is cut after half of the file.
  void cut_in_half(const std::string& etag = kEtag) {
    const std::string whole = big_gguf();
    expect_redirect(storage.url() + "/blob");
    storage.expect("GET", "/blob")
        .send(cut_answer("200 OK", "etag: " + etag + "\r\n", whole.size(), whole.substr(0, whole.size() / 2)))
        .close();
    const Result<StoredModel> cut = pull();
    ASSERT_FALSE(cut);
    ASSERT_EQ(cut.error().code, ErrorCode::ConnectionClosed);
    ASSERT_THAT(cut.error().message, HasSubstr(fmt::format("{} bytes are kept", whole.size() / 2)));
  }

  fs::path folder_;
  Imposter hub;
  Imposter storage;
  ModelStore store{"/nonexistent"};
  net::HttpClient http{net::HttpClientOptions{}};
  suffice::testing::ManualClock clock;
  PullRequest request;
  std::vector<PullProgress> progress;
};

TEST_F(Pull, BringsAFileIntoTheStore) {
  expect_redirect(storage.url() + "/blob?signature=1");
  storage.expect("GET", "/blob?signature=1").respond(200, big_gguf(), headers({{"etag", kEtag}}));

  const Result<StoredModel> pulled = pull();

  ASSERT_TRUE(pulled) << describe(pulled.error());
  EXPECT_EQ(pulled->sha256, sha256_hex(big_gguf()));
  EXPECT_EQ(pulled->source, hub.url() + kTarget);
  EXPECT_EQ(store.verify(*pulled).problem, "");
  EXPECT_THAT(partial_files(), IsEmpty());
  ASSERT_FALSE(progress.empty());
  EXPECT_TRUE(progress.back().checking);
  EXPECT_EQ(progress.back().done, big_gguf().size());
  EXPECT_EQ(progress.front().total, big_gguf().size());
}

TEST_F(Pull, TakesAFileThatTheHubServesItself) {
  hub.expect("GET", kTarget).respond(200, big_gguf(), headers({{"etag", "\"" + sha256_hex(big_gguf()) + "\""}}));
  EXPECT_TRUE(pull());
}

TEST_F(Pull, SendsTheTokenToTheHubOnly) {
  request.token = "hf_secret";
  hub.expect("GET", kTarget).respond(307, "", headers({{"location", "/api/cache/tiny"}}));
  hub.expect("GET", "/api/cache/tiny")
      .respond(
          302, "",
          headers({{"location", storage.url() + "/blob"}, {"x-linked-etag", "\"" + sha256_hex(big_gguf()) + "\""}}));
  storage.expect("GET", "/blob").respond(200, big_gguf());

  ASSERT_TRUE(pull());

  EXPECT_EQ(header_of(hub, 0, "authorization"), "Bearer hf_secret");
  EXPECT_EQ(header_of(hub, 1, "authorization"), "Bearer hf_secret");
  EXPECT_EQ(header_of(storage, 0, "authorization"), "");
}

TEST_F(Pull, GoesOnWhereItWasCut) {
  cut_in_half();
  const std::string whole = big_gguf();
  const std::size_t half = whole.size() / 2;
  expect_redirect(storage.url() + "/blob");
  storage.expect("GET", "/blob")
      .respond(206, whole.substr(half),
               headers({{"etag", kEtag},
                        {"content-range", fmt::format("bytes {}-{}/{}", half, whole.size() - 1, whole.size())}}));

  const Result<StoredModel> pulled = pull();

  ASSERT_TRUE(pulled) << describe(pulled.error());
  EXPECT_EQ(header_of(storage, 1, "range"), fmt::format("bytes={}-", half));
  EXPECT_EQ(header_of(storage, 1, "if-range"), kEtag);
  EXPECT_EQ(store.verify(*pulled).problem, "");
}

TEST_F(Pull, BeginsAgainWhenTheServerIgnoresTheRange) {
  cut_in_half();
  expect_redirect(storage.url() + "/blob");
  storage.expect("GET", "/blob").respond(200, big_gguf(), headers({{"etag", kEtag}}));
  const Result<StoredModel> pulled = pull();
  ASSERT_TRUE(pulled) << describe(pulled.error());
  EXPECT_EQ(store.verify(*pulled).problem, "");
}

TEST_F(Pull, AsksForNoRangeWithoutAStrongValidator) {
  cut_in_half("W/\"weak\"");
  expect_redirect(storage.url() + "/blob");
  storage.expect("GET", "/blob").respond(200, big_gguf());
  EXPECT_TRUE(pull());
  EXPECT_EQ(header_of(storage, 1, "range"), "");
}

TEST_F(Pull, RefusesAnotherRangeThanItAskedFor) {
  cut_in_half();
  expect_redirect(storage.url() + "/blob");
  storage.expect("GET", "/blob")
      .respond(206, big_gguf(),
               headers({{"content-range", fmt::format("bytes 0-{}/{}", big_gguf().size() - 1, big_gguf().size())}}));
  EXPECT_EQ(pull().error().code, ErrorCode::ProtocolError);
}

TEST_F(Pull, BeginsAgainWhenTheServerCannotServeTheRange) {
  cut_in_half();
  expect_redirect(storage.url() + "/blob");
  storage.expect("GET", "/blob").respond(416, "");
  expect_redirect(storage.url() + "/blob");
  storage.expect("GET", "/blob").respond(200, big_gguf());
  const Result<StoredModel> pulled = pull();
  ASSERT_TRUE(pulled) << describe(pulled.error());
}

TEST_F(Pull, DeletesAFileWithAnotherDigest) {
  expect_redirect(storage.url() + "/blob", std::string(64, 'd'));
  storage.expect("GET", "/blob").respond(200, big_gguf());
  const Result<StoredModel> pulled = pull();
  EXPECT_EQ(pulled.error().code, ErrorCode::ModelInvalid);
  EXPECT_THAT(pulled.error().message, HasSubstr(std::string(64, 'd')));
  EXPECT_THAT(partial_files(), IsEmpty());
  EXPECT_THAT(store.list().value(), IsEmpty());
}

TEST_F(Pull, TrustsTheUsersDigestOverTheHubs) {
  request.sha256 = sha256_hex(big_gguf());
  expect_redirect(storage.url() + "/blob", std::string(64, 'd'));
  storage.expect("GET", "/blob").respond(200, big_gguf());
  EXPECT_TRUE(pull());
  request.sha256 = std::string(64, 'e');
  expect_redirect(storage.url() + "/blob");
  storage.expect("GET", "/blob").respond(200, big_gguf());
  EXPECT_EQ(pull().error().code, ErrorCode::ModelInvalid);
}

TEST_F(Pull, FetchesNothingWithoutADigest) {
  hub.expect("GET", kTarget).respond(200, big_gguf(), headers({{"etag", kEtag}}));
  const Result<StoredModel> pulled = pull();
  EXPECT_EQ(pulled.error().code, ErrorCode::ModelInvalid);
  EXPECT_THAT(pulled.error().message, HasSubstr("--sha256"));
  EXPECT_THAT(partial_files(), IsEmpty());
}

TEST_F(Pull, RefusesAFileThatIsNoGguf) {
  const std::string page = "<html>hello</html>";
  expect_redirect(storage.url() + "/blob", sha256_hex(page));
  storage.expect("GET", "/blob").respond(200, page);
  EXPECT_EQ(pull().error().code, ErrorCode::ModelInvalid);
  EXPECT_THAT(partial_files(), IsEmpty());
}

TEST_F(Pull, SaysWhatTheHubRefuses) {
  struct Case {
    int status;
    ErrorCode code;
  };
  for (const Case& c : {Case{404, ErrorCode::NotFound}, Case{401, ErrorCode::UpstreamUnauthorized},
                        Case{429, ErrorCode::RateLimited}, Case{500, ErrorCode::UpstreamFailed}}) {
    hub.expect("GET", kTarget).respond(c.status, "an error page");
    const Result<StoredModel> pulled = pull();
    EXPECT_EQ(pulled.error().code, c.code) << c.status;
    EXPECT_EQ(pulled.error().where, hub.url() + kTarget);
  }
  EXPECT_THAT(partial_files(), IsEmpty());
}

TEST_F(Pull, ReadsNoPageWithoutEnd) {
  hub.expect("GET", kTarget).respond(404, std::string(3'000'000, 'x'));
  EXPECT_EQ(pull().error().code, ErrorCode::ProtocolError);
}

TEST_F(Pull, EndsAtTooManyRedirects) {
  for (int i = 0; i < 6; ++i) expect_redirect(kTarget);
  EXPECT_EQ(pull().error().code, ErrorCode::ProtocolError);
}

TEST_F(Pull, FollowsNoRedirectToAnotherScheme) {
  expect_redirect("file:///etc/passwd");
  EXPECT_EQ(pull().error().code, ErrorCode::ProtocolError);
}

TEST_F(Pull, KeepsWhatItHasWhenItIsCancelled) {
  const std::string whole = big_gguf();
  const std::size_t half = whole.size() / 2;
  expect_redirect(storage.url() + "/blob");
  storage.expect("GET", "/blob")
      .send(cut_answer("200 OK", "etag: \"v1\"\r\n", whole.size(), whole.substr(0, half)))
      .stall();
  boost::asio::io_context io;
  boost::asio::cancellation_signal cancel;
  std::optional<Result<StoredModel>> end;
  const auto report = [&](const PullProgress& p) {
    if (p.done == half) boost::asio::post(io, [&] { cancel.emit(boost::asio::cancellation_type::terminal); });
  };
  boost::asio::co_spawn(io, models::pull(request, store, http, clock, report),
                        boost::asio::bind_cancellation_slot(
                            cancel.slot(), [&](const std::exception_ptr& thrown, Result<StoredModel> pulled) {
                              if (!thrown) end = std::move(pulled);
                            }));
  io.run();
  if (end) {
    EXPECT_EQ(end->error().code, ErrorCode::Cancelled);
  }
  EXPECT_THAT(partial_files(), ::testing::UnorderedElementsAre(".part", ".json"));
  expect_redirect(storage.url() + "/blob");
  storage.expect("GET", "/blob")
      .respond(206, whole.substr(half),
               headers({{"content-range", fmt::format("bytes {}-{}/{}", half, whole.size() - 1, whole.size())}}));
  EXPECT_TRUE(pull()) << "and goes on from there";
}

// RLIMIT_FSIZE stands for the full disk: a write comes back short and the next one fails.
TEST_F(Pull, KeepsWhatItHasWhenTheDiskIsFull) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  expect_redirect(storage.url() + "/blob");
  storage.expect("GET", "/blob").respond(200, big_gguf(), headers({{"etag", kEtag}}));
  const rlimit full{.rlim_cur = 60'000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  const Result<StoredModel> cut = pull();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::IoFailed);
  EXPECT_THAT(cut.error().message, HasSubstr("60000 bytes are kept"));

  const std::string whole = big_gguf();
  expect_redirect(storage.url() + "/blob");
  storage.expect("GET", "/blob")
      .respond(206, whole.substr(60'000),
               headers({{"content-range", fmt::format("bytes 60000-{}/{}", whole.size() - 1, whole.size())}}));
  EXPECT_TRUE(pull()) << "and goes on from there";
}

TEST_F(Pull, LeavesTheFileToTheProcessThatFetchesItAlready) {
  const suffice::testing::SharedGate gate = suffice::testing::make_gate();
  hub.expect("GET", kTarget).wait_for(gate).respond(404, "");
  boost::asio::io_context io;
  std::vector<ErrorCode> ends;
  const auto note = [&](const std::exception_ptr&, const Result<StoredModel>& pulled) {
    ends.push_back(pulled.error().code);
    gate->open();
  };
  for (int i = 0; i < 2; ++i) boost::asio::co_spawn(io, models::pull(request, store, http, clock, {}), note);
  io.run();
  EXPECT_THAT(ends, ::testing::ElementsAre(ErrorCode::Overloaded, ErrorCode::NotFound));
}

}  // namespace
}  // namespace suffice::models
