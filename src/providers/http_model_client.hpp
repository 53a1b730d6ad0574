#pragma once
// What all HTTP providers share: one exchange, streamed or whole, through a dialect.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "net/http_client.hpp"
#include "policy/policy.hpp"
#include "providers/model_client.hpp"
#include "wire/stream_decoder.hpp"

namespace suffice::providers {

/// How one vendor is spoken to. Pure; any thread.
class Dialect {
 public:
  virtual ~Dialect() = default;
  [[nodiscard]] virtual Result<std::string> encode(const ModelCall& call, bool stream) const = 0;
  [[nodiscard]] virtual Result<Completion> decode(std::string_view body) const = 0;
  [[nodiscard]] virtual std::unique_ptr<wire::StreamDecoder> stream_decoder() const = 0;
  [[nodiscard]] virtual Error decode_error(int status, std::string_view body) const = 0;
  /// True when deltas of this call mean nothing to the caller before finish() has put the answer right.
  [[nodiscard]] virtual bool holds_back(const ModelCall&) const { return false; }
  /// Puts a decoded answer right (unwraps a label, say).
  [[nodiscard]] virtual Result<Completion> finish(const ModelCall&, Completion completion) const { return completion; }
  /// Headers that this call needs beside those of every call.
  virtual void add_headers(const ModelCall&, net::Headers&) const {}
  /// Counting tokens, for vendors that do: HttpModelParts::count_path.
  [[nodiscard]] virtual Result<std::string> encode_count(const ModelCall&) const { return {}; }
  [[nodiscard]] virtual Result<std::int64_t> decode_count(std::string_view /*body*/) const {
    return fail(ErrorCode::UnsupportedField, "this provider does not count tokens", "model");
  }
  /// Embeddings, for vendors that have them: HttpModelParts::embeddings_path.
  [[nodiscard]] virtual std::string encode_embeddings(const EmbeddingRequest&) const { return {}; }
  [[nodiscard]] virtual Result<EmbeddingAnswer> decode_embeddings(std::string_view /*body*/,
                                                                  std::size_t /*texts*/) const {
    return fail(ErrorCode::UnsupportedField, "this model makes no embeddings", "model");
  }
};

struct HttpModelParts {
  net::Endpoint endpoint;
  std::string path;
  std::string embeddings_path;  ///< empty: none
  std::string count_path;       ///< empty: none
  net::Headers headers;         ///< the key among them; sent to `endpoint` and nowhere else
  policy::Timeouts timeouts;
  Capabilities capabilities;
  std::string_view provider_name;
  std::unique_ptr<Dialect> dialect;
};

/// `http` outlives the client. Time-outs: connect and idle as they are; first_token until the first byte of a stream's answer; a
/// whole (not streamed) answer may take its `total` until its first byte, since servers send nothing before it is complete.
[[nodiscard]] std::unique_ptr<ModelClient> make_http_model_client(HttpModelParts parts, net::HttpClient& http);

/// InvalidArgument naming the model when its endpoint is not an absolute http(s) URL.
[[nodiscard]] Result<net::Endpoint> endpoint_of(const policy::Model& model);
/// RFC 3986 percent-encoding of a path segment or query value.
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace suffice::providers
