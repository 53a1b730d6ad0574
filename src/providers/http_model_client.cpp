#include "providers/http_model_client.hpp"

#include <charconv>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "providers/retry.hpp"

namespace suffice::providers {
namespace {

/// The wait a provider asks for. retry-after-ms is OpenAI's and Azure's; a date is counted from the provider's own clock.
std::int64_t retry_after_ms(const net::Headers& headers) {
  const std::string_view exact = headers.get("retry-after-ms");
  std::int64_t value = 0;
  const auto read = std::from_chars(exact.data(), exact.data() + exact.size(), value);
  if (!exact.empty() && read.ec == std::errc{} && value >= 0) return value;
  const WallTime now = parse_http_date(headers.get("date")).value_or(std::chrono::system_clock::now());
  const auto wait = parse_retry_after(headers.get("retry-after"), now);
  return wait ? wait->count() : -1;
}

std::string provider_request_id(const net::Headers& headers) {
  for (const std::string_view name : {"x-request-id", "request-id", "apim-request-id"}) {
    if (headers.contains(name)) return std::string(headers.get(name).substr(0, 128));
  }
  return {};
}

/// Decodes a streamed body as it comes and hands the deltas on.
class DecodingSink final : public net::BodySink {
 public:
  DecodingSink(std::unique_ptr<wire::StreamDecoder> decoder, TokenSink* next)
      : decoder_(std::move(decoder)), next_(next) {}

  bool wants_body(int status, const net::Headers& headers) override {
    const std::string_view type = headers.get("content-type");
    // A server that ignores `stream` answers with plain JSON: that is collected and decoded whole.
    used_ = status == 200 && !(type.starts_with("application/json"));
    if (used_) request_id_ = provider_request_id(headers);
    return used_;
  }

  Task<bool> on_body(std::string_view piece) override {
    std::vector<Delta> deltas;
    const Result<void> fed = decoder_->feed(piece, deltas);
    for (Delta& delta : deltas) {
      any_delta_ = true;
      if (next_ == nullptr) continue;
      delta.more_follows = &delta != &deltas.back();
      const SinkAction action = co_await next_->on_delta(delta);
      if (action == SinkAction::Stop) {
        error_ = Error{.code = ErrorCode::Cancelled, .message = "the receiver stopped the answer", .where = {}};
        co_return false;
      }
    }
    if (!fed) error_ = fed.error();
    co_return fed.has_value();
  }

  [[nodiscard]] bool used() const { return used_; }

  /// The answer, given how the exchange ended.
  Result<Completion> conclude(const Result<net::HttpResponse>& response) {
    if (error_) return fail(*error_);
    Result<Completion> completion = decoder_->finish();
    // A terminator that came counts, even when the connection was then closed without HTTP's own end or left hanging.
    const bool late = !response && (response.error().code == ErrorCode::ConnectionClosed ||
                                    response.error().code == ErrorCode::IdleTimeout);
    if (!response && (!late || !completion)) return fail(error_of_exchange(response.error()));
    if (completion && !request_id_.empty()) completion->provider_request_id = request_id_;
    return completion;
  }

 private:
  /// Headers come at once from most servers; silence before the first token is a late first token all the same.
  [[nodiscard]] Error error_of_exchange(Error error) const {
    if (error.code == ErrorCode::IdleTimeout && !any_delta_) {
      error.code = ErrorCode::FirstTokenTimeout;
      error.message = "connected, but no token came in time";
    }
    return error;
  }

  std::unique_ptr<wire::StreamDecoder> decoder_;
  TokenSink* next_;
  std::optional<Error> error_;
  std::string request_id_;
  bool used_ = false;
  bool any_delta_ = false;
};

class HttpModelClient final : public ModelClient {
 public:
  HttpModelClient(HttpModelParts parts, net::HttpClient& http) : parts_(std::move(parts)), http_(http) {}

  Task<Result<Completion>> complete(const ModelCall& call, TokenSink* sink, Deadline deadline) override {
    // A Completion holds one answer; asking for more and dropping them would bill for nothing.
    if (call.request.n != 1)
      co_return fail(ErrorCode::UnsupportedField, "a model is asked for one answer at a time", "n");
    const bool stream = sink != nullptr && parts_.capabilities.streaming;
    Result<std::string> body = parts_.dialect->encode(call, stream);
    if (!body) co_return fail(std::move(body).error());
    net::HttpRequest request = request_for(call.request_id, call.traceparent, *std::move(body), stream);
    parts_.dialect->add_headers(call, request.headers);
    TokenSink* live = parts_.dialect->holds_back(call) ? nullptr : sink;

    Result<Completion> answer = fail(ErrorCode::Internal, "not called");
    bool streamed = false;
    if (stream) {
      DecodingSink decoding(parts_.dialect->stream_decoder(), live);
      const Result<net::HttpResponse> response = co_await http_.send(request, &decoding, deadline);
      streamed = decoding.used();
      answer = streamed ? decoding.conclude(response) : decode_whole(response);
    } else {
      const Result<net::HttpResponse> response = co_await http_.send(request, nullptr, deadline);
      answer = decode_whole(response);
    }
    if (answer) answer = parts_.dialect->finish(call, *std::move(answer));
    if (answer && sink != nullptr && !(streamed && live != nullptr)) {
      const Delta all = whole_delta(*answer);
      const SinkAction action = co_await sink->on_delta(all);
      if (action == SinkAction::Stop) co_return fail(ErrorCode::Cancelled, "the receiver stopped the answer");
    }
    co_return answer;
  }

  Task<Result<EmbeddingAnswer>> embed(const EmbeddingRequest& request, Deadline deadline) override {
    if (parts_.embeddings_path.empty())
      co_return fail(ErrorCode::UnsupportedField, "this model makes no embeddings", "model");
    net::HttpRequest asked = request_for({}, {}, parts_.dialect->encode_embeddings(request), false);
    asked.path = parts_.embeddings_path;
    const Result<net::HttpResponse> response = co_await http_.send(asked, nullptr, deadline);
    if (!response) co_return fail(response.error());
    if (response->status != 200) co_return fail(error_of(*response));
    co_return parts_.dialect->decode_embeddings(response->body, request.texts.size());
  }

  Task<Result<std::int64_t>> count_tokens(const ModelCall& call, Deadline deadline) override {
    if (parts_.count_path.empty())
      co_return fail(ErrorCode::UnsupportedField, "this provider does not count tokens", "model");
    Result<std::string> body = parts_.dialect->encode_count(call);
    if (!body) co_return fail(std::move(body).error());
    net::HttpRequest asked = request_for(call.request_id, call.traceparent, *std::move(body), false);
    asked.path = parts_.count_path;
    parts_.dialect->add_headers(call, asked.headers);
    const Result<net::HttpResponse> response = co_await http_.send(asked, nullptr, deadline);
    if (!response) co_return fail(response.error());
    if (response->status != 200) co_return fail(error_of(*response));
    co_return parts_.dialect->decode_count(response->body);
  }

  [[nodiscard]] Capabilities capabilities() const override { return parts_.capabilities; }
  [[nodiscard]] std::string_view provider_name() const override { return parts_.provider_name; }

 private:
  net::HttpRequest request_for(const std::string& id, const std::string& traceparent, std::string body,
                               bool stream) const {
    net::HttpRequest request;
    request.endpoint = parts_.endpoint;
    request.path = parts_.path;
    request.headers = parts_.headers;
    request.headers.set("content-type", "application/json");
    request.headers.set("accept",
                        stream ? "text/event-stream, application/x-ndjson, application/json" : "application/json");
    if (!id.empty()) request.headers.set("x-request-id", id);
    if (!traceparent.empty()) request.headers.set("traceparent", traceparent);
    request.body = std::move(body);
    request.timeouts.connect = parts_.timeouts.connect;
    request.timeouts.first_byte = stream ? parts_.timeouts.first_token : parts_.timeouts.total;
    request.timeouts.idle = parts_.timeouts.idle;
    return request;
  }

  Error error_of(const net::HttpResponse& response) const {
    Error error = parts_.dialect->decode_error(response.status, response.body);
    error.retry_after_ms = retry_after_ms(response.headers);
    return error;
  }

  Result<Completion> decode_whole(const Result<net::HttpResponse>& response) const {
    if (!response) return fail(response.error());
    if (response->status != 200) return fail(error_of(*response));
    Result<Completion> completion = parts_.dialect->decode(response->body);
    if (completion) {
      if (std::string id = provider_request_id(response->headers); !id.empty())
        completion->provider_request_id = std::move(id);
    }
    return completion;
  }

  static Delta whole_delta(const Completion& completion) {
    Delta delta;
    delta.text = completion.text;
    delta.refusal = completion.refusal;
    for (std::size_t i = 0; i < completion.tool_calls.size(); ++i) {
      const ToolCall& call = completion.tool_calls[i];
      delta.tool_calls.push_back({.index = i, .id = call.id, .name = call.name, .arguments = call.arguments});
    }
    if (completion.logprobs) delta.logprobs = *completion.logprobs;
    return delta;
  }

  HttpModelParts parts_;
  net::HttpClient& http_;
};

}  // namespace

std::unique_ptr<ModelClient> make_http_model_client(HttpModelParts parts, net::HttpClient& http) {
  return std::make_unique<HttpModelClient>(std::move(parts), http);
}

Result<net::Endpoint> endpoint_of(const policy::Model& model) {
  Result<net::Endpoint> endpoint = net::Endpoint::parse(model.endpoint);
  if (!endpoint) endpoint.error().where = "models." + model.name + ".endpoint";
  return endpoint;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += hex[byte >> 4U];
    out += hex[byte & 0xfU];
  }
  return out;
}

}  // namespace suffice::providers
