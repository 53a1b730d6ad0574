#include "models/pull.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "models/partial_file.hpp"

namespace suffice::models {
namespace {

constexpr int kRedirectsMax = 5;
constexpr std::size_t kPageBytesMax = 1UL << 20U;
constexpr std::chrono::milliseconds kConnectMax{15'000};
constexpr std::chrono::milliseconds kSilenceMax{60'000};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// One strong validator (RFC 9110, 8.8.1): a weak one does not promise the same bytes.
std::string strong_etag(const net::Headers& headers) {
  const std::string_view etag = headers.get("etag");
  return etag.starts_with('"') ? std::string(etag) : std::string();
}

/// What is known of the file before it is here.
struct Expected {
  std::string sha256;       ///< the user's word, else the hub's
  std::uint64_t bytes = 0;  ///< 0: not known
  /// Of every hop: the hub says it where it sends us on.
  void read(const net::Headers& headers) {
    for (const std::string_view name : {"x-linked-etag", "etag"}) {
      const std::optional<std::string> digest = digest_in(headers.get(name));
      if (digest && sha256.empty()) sha256 = *digest;
    }
    if (const auto size = parse_size(headers.get("x-linked-size"))) bytes = *size;
  }
};

/// Takes the body into the part, once it is clear that it belongs there.
class PartSink final : public net::BodySink {
 public:
  PartSink(PartialFile& part, Expected& expected, std::function<void(const PullProgress&)>& report)
      : part_(part), expected_(expected), report_(report) {}

  bool wants_body(int status, const net::Headers& headers) override {
    expected_.read(headers);
    if (status != 200 && status != 206) {
      left_to_ignore_ = kPageBytesMax;
      return true;
    }
    if (expected_.sha256.empty()) {
      refuse(ErrorCode::ModelInvalid,
             "the hub gives no SHA-256 for this file; take it from a source that you trust and say --sha256 HEX");
    } else if (status == 200) {
      total_ = parse_size(headers.get("content-length")).value_or(0);
      keep(part_.restart(strong_etag(headers)));
    } else {
      const std::optional<ContentRange> range = parse_content_range(headers.get("content-range"));
      if (!range || range->first != part_.size())
        refuse(ErrorCode::ProtocolError, "the hub sent another range than was asked for");
      if (range) total_ = range->total;
    }
    return true;
  }
  Task<bool> on_body(std::string_view piece) override {
    if (left_to_ignore_) {
      if (piece.size() > *left_to_ignore_) refuse(ErrorCode::ProtocolError, "the hub's page has no end");
      *left_to_ignore_ -= std::min(piece.size(), *left_to_ignore_);
      co_return !problem_;
    }
    if (!problem_) keep(part_.append(piece));
    if (problem_) co_return false;
    if (report_) report_({.done = part_.size(), .total = total_, .checking = false});
    co_return true;
  }

  /// Why the body was not taken, when it was our own doing.
  [[nodiscard]] const std::optional<Error>& problem() const { return problem_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  void keep(Result<void> done) {
    if (!done) problem_ = std::move(done).error();
  }
  void refuse(ErrorCode code, std::string message) {
    problem_ = Error{.code = code, .message = std::move(message), .where = {}};
  }
  PartialFile& part_;
  Expected& expected_;
  std::function<void(const PullProgress&)>& report_;
  std::uint64_t total_ = 0;
  std::optional<std::size_t> left_to_ignore_;  ///< the page of a redirect or an error is for browsers
  std::optional<Error> problem_;
};

/// One pull, from its first request to the store.
class Puller {
 public:
  Puller(const PullRequest& request, const ModelStore& store, net::HttpClient& http, const Clock& clock,
         std::function<void(const PullProgress&)>& report)
      : request_(request), store_(store), http_(http), clock_(clock), report_(report) {
    expected_.sha256 = request.sha256;
  }

  Task<Result<StoredModel>> run() {
    const Result<void> named = check_model_name(request_.name);
    if (!named) co_return fail(named.error());
    Result<std::string> url = hub_url(request_.file);
    if (!url) co_return fail(std::move(url).error());
    url_ = *std::move(url);
    Result<std::filesystem::path> folder = store_.partial_folder();
    if (!folder) co_return fail(std::move(folder).error());
    Result<PartialFile> part = PartialFile::open(*folder, url_);
    if (!part) co_return fail(std::move(part).error());
    Task<Result<void>> fetching = fetch(*part);
    const Result<void> fetched = co_await std::move(fetching);
    if (!fetched) {
      if (part->size() == 0) part->discard();
      co_return fail(with_next_step(fetched.error(), *part));
    }
    co_return enter(*part);
  }

 private:
  /// Follows redirects to the body; begins once again when the part turned out to be of another file.
  Task<Result<void>> fetch(PartialFile& part) {
    Result<Target> hub = parse_target_url(url_);
    if (!hub) co_return fail(std::move(hub).error());
    Target target = *hub;
    bool began_again = false;
    for (int hop = 0; hop <= kRedirectsMax;) {
      PartSink sink(part, expected_, report_);
      const net::HttpRequest get = request_for(target, target.same_origin(*hub), part);
      Task<Result<net::HttpResponse>> sending = http_.send(get, &sink, Deadline::never());
      Result<net::HttpResponse> response = co_await std::move(sending);
      if (sink.problem()) co_return fail(*sink.problem());
      if (!response) co_return fail(std::move(response).error());
      expected_.read(response->headers);
      if (is_redirect(response->status)) {
        Result<Target> next = follow(target, response->headers.get("location"));
        if (!next) co_return fail(std::move(next).error());
        target = *std::move(next);
        ++hop;
      } else if (response->status == 416 && !began_again) {
        // The part is as long as the file, or longer: its digest decides, or it goes.
        if (part.size() == expected_.bytes) co_return Result<void>{};
        began_again = true;
        const Result<void> emptied = part.restart({});
        if (!emptied) co_return fail(emptied.error());
        target = *hub;
        hop = 0;
      } else if (response->status == 200 || response->status == 206) {
        if (sink.total() > 0 && part.size() != sink.total())
          co_return fail(ErrorCode::ConnectionClosed, "the hub sent less than it said");
        co_return Result<void>{};
      } else {
        co_return fail(refusal_of(response->status, url_, !request_.token.empty()));
      }
    }
    co_return fail(ErrorCode::ProtocolError, fmt::format("the hub sent us on more than {} times", kRedirectsMax));
  }

  [[nodiscard]] net::HttpRequest request_for(const Target& target, bool at_hub, const PartialFile& part) const {
    net::HttpRequest get;
    get.method = "GET";
    get.endpoint = target.endpoint;
    get.path = target.path;
    get.headers.add("user-agent", "suffice");
    get.headers.add("accept-encoding", "identity");
    if (at_hub && !request_.token.empty()) get.headers.add("authorization", "Bearer " + request_.token);
    if (part.size() > 0 && !part.validator().empty()) {
      get.headers.add("range", fmt::format("bytes={}-", part.size()));
      get.headers.add("if-range", part.validator());
    }
    get.timeouts = {.connect = kConnectMax, .first_byte = kSilenceMax, .idle = kSilenceMax};
    get.response_bytes_max = std::numeric_limits<std::size_t>::max();
    return get;
  }

  Result<StoredModel> enter(PartialFile& part) const {
    if (report_) report_({.done = part.size(), .total = part.size(), .checking = true});
    SUFFICE_TRY(const ModelFile file, ModelFile::open(part.path().string()));
    SUFFICE_TRY(const std::string digest, digest_of(file));
    if (digest != expected_.sha256) {
      part.discard();
      return fail(
          ErrorCode::ModelInvalid,
          fmt::format("the fetched file's SHA-256 is {} and must be {}; it was deleted. Try again, and do not use this "
                      "source when it happens twice",
                      digest, expected_.sha256),
          url_);
    }
    Result<StoredModel> entered = store_.adopt(part.path(), digest, {.name = request_.name, .source = url_}, clock_);
    if (entered) {
      part.forget();
    } else if (entered.error().code == ErrorCode::ModelInvalid) {
      part.discard();
    }
    return entered;
  }

  static Error with_next_step(Error error, const PartialFile& part) {
    using enum ErrorCode;
    const bool may_go_on = error.code == ConnectionClosed || error.code == IdleTimeout || error.code == IoFailed ||
                           error.code == Cancelled || error.code == FirstTokenTimeout || error.code == ConnectFailed;
    if (may_go_on && part.size() > 0) {
      error.message += fmt::format("; {} bytes are kept: run the same command to go on from there", part.size());
    }
    return error;
  }

  const PullRequest& request_;
  const ModelStore& store_;
  net::HttpClient& http_;
  const Clock& clock_;
  std::function<void(const PullProgress&)>& report_;
  std::string url_;
  Expected expected_;
};

}  // namespace

Task<Result<StoredModel>> pull(const PullRequest& request, const ModelStore& store, net::HttpClient& http,
                               const Clock& clock, std::function<void(const PullProgress&)> report) {
  Puller puller(request, store, http, clock, report);
  Task<Result<StoredModel>> running = puller.run();
  co_return co_await std::move(running);
}

}  // namespace suffice::models
