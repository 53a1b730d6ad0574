// The HTTP clients against an imposter: what each vendor is sent, and every way a provider fails.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "providers/anthropic_client.hpp"
#include "providers/http_model_client.hpp"
#include "providers/ollama_client.hpp"
#include "providers/openai_client.hpp"
#include "testing/imposter.hpp"
#include "testing/scripted_model.hpp"
#include "wire/json.hpp"

namespace suffice::providers {
namespace {

namespace bj = boost::json;
using namespace std::chrono_literals;
using testing::CollectingSink;
using testing::Imposter;

constexpr std::string_view kAnswer =
    R"({"id":"c1","model":"real-model","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}})";

std::string chunk(std::string_view text) {
  return R"(data: {"id":"c1","model":"real-model","choices":[{"index":0,"delta":{"content":")" + std::string(text) +
         "\"}}]}\n\n";
}
const std::string kLast =
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const std::string kDone = "data: [DONE]\n\n";

class HttpClientsTest : public ::testing::Test {
 protected:
  policy::Model model(policy::ProviderKind kind, std::string_view path = "") const {
    policy::Model model;
    model.name = "m";
    model.provider = kind;
    model.model = "gpt-x";
    model.endpoint = imposter_.url() + std::string(path);
    return model;
  }
  std::unique_ptr<ModelClient> openai(OpenAiServer server = {}) {
    return make_openai_client(model(policy::ProviderKind::OpenAi, "/v1"), Secret("sk-test"), http_, server).value();
  }
  static ModelCall call_of(std::string text = "hi") {
    ModelCall call;
    call.request.model = "gpt-x";
    call.request.messages = {Message::of(Role::User, std::move(text))};
    call.request_id = "req-1";
    return call;
  }
  static Result<Completion> run(ModelClient& client, const ModelCall& call, TokenSink* sink = nullptr) {
    return net::run_sync(client.complete(call, sink, Deadline::after(20s)));
  }
  bj::value body(std::size_t index = 0) const { return *wire::parse_json(imposter_.requests().at(index).body); }

  Imposter imposter_;
  net::HttpClient http_{net::HttpClientOptions{}};
};

TEST_F(HttpClientsTest, OpenAiSendsABearerKeyAndReadsTheAnswer) {
  imposter_.expect("POST", "/v1/chat/completions").respond(200, std::string(kAnswer), [] {
    net::Headers headers;
    headers.add("x-request-id", "provider-7");
    return headers;
  }());
  const auto client = openai();

  const auto completion = run(*client, call_of());

  ASSERT_TRUE(completion.has_value());
  EXPECT_EQ(completion->text, "hello");
  EXPECT_EQ(completion->usage, (Usage{.input_tokens = 3, .output_tokens = 2}));
  EXPECT_EQ(completion->provider_request_id, "provider-7");
  const testing::SeenRequest request = imposter_.requests().at(0);
  EXPECT_EQ(request.headers.get("authorization"), "Bearer sk-test");
  EXPECT_EQ(request.headers.get("x-request-id"), "req-1");
  EXPECT_EQ(request.headers.get("content-type"), "application/json");
  EXPECT_FALSE(body().as_object().contains("stream"));
  EXPECT_EQ(client->provider_name(), "openai");
}

TEST_F(HttpClientsTest, AnEndpointWithoutAPathGetsV1) {
  imposter_.expect("POST", "/v1/chat/completions").respond(200, std::string(kAnswer));
  const auto client = make_openai_client(model(policy::ProviderKind::OpenAi), Secret(), http_).value();
  const ModelCall call = call_of();
  EXPECT_TRUE(run(*client, call).has_value());
  EXPECT_FALSE(imposter_.requests().at(0).headers.contains("authorization")) << "no key, no header";
}

TEST_F(HttpClientsTest, AzureUsesTheDeploymentPathAndItsKeyHeader) {
  policy::Model azure = model(policy::ProviderKind::Azure);
  azure.model = "my deployment";
  azure.api_version = "2024-10-21";
  const std::string target = "/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21";
  imposter_.expect("POST", target).respond(200, std::string(kAnswer));
  imposter_.expect("POST", target).respond(200, std::string(kAnswer));
  ModelCall call = call_of();
  call.request.sampling.max_tokens = 9;

  const auto by_key = make_openai_client(azure, Secret("abc"), http_).value();
  const auto by_token = make_openai_client(azure, Secret("eyJhbGciOi"), http_).value();
  ASSERT_TRUE(run(*by_key, call).has_value());
  ASSERT_TRUE(run(*by_token, call).has_value());

  EXPECT_EQ(imposter_.requests().at(0).headers.get("api-key"), "abc");
  EXPECT_FALSE(imposter_.requests().at(0).headers.contains("authorization"));
  EXPECT_EQ(imposter_.requests().at(1).headers.get("authorization"), "Bearer eyJhbGciOi");
  EXPECT_EQ(body().at("max_completion_tokens"), 9);
  EXPECT_EQ(by_key->provider_name(), "azure.ai.openai");
}

TEST_F(HttpClientsTest, StreamsDeltasAsTheyCome) {
  const testing::SharedGate first_seen = testing::make_gate();
  imposter_.expect("POST", "/v1/chat/completions")
      .stream({chunk("Hel")})
      .wait_for(first_seen)
      .chunk(chunk("lo") + kLast + kDone)
      .finish();
  struct OpeningSink final : TokenSink {
    testing::SharedGate gate;
    std::string text;
    Task<SinkAction> on_delta(const Delta& delta) override {
      text += delta.text;
      gate->open();  // the rest is sent only once this delta has arrived
      co_return SinkAction::Continue;
    }
  } sink;
  sink.gate = first_seen;
  const auto client = openai();
  const ModelCall call = call_of();

  const auto completion = run(*client, call, &sink);

  ASSERT_TRUE(completion.has_value()) << describe(completion.error());
  EXPECT_EQ(sink.text, "Hello");
  EXPECT_EQ(completion->text, "Hello");
  EXPECT_EQ(completion->finish, FinishReason::Stop);
  EXPECT_EQ(body().at("stream"), true);
}

TEST_F(HttpClientsTest, TakesAWholeAnswerFromAServerThatIgnoresStream) {
  imposter_.expect("POST", "/v1/chat/completions").respond(200, std::string(kAnswer));
  CollectingSink sink;
  const auto client = openai();
  const ModelCall call = call_of();
  EXPECT_EQ(run(*client, call, &sink)->text, "hello");
  EXPECT_EQ(sink.text(), "hello");
}

TEST_F(HttpClientsTest, StopsTheUpstreamWhenTheSinkSaysSo) {
  imposter_.expect("POST", "/v1/chat/completions").stream({chunk("a"), chunk("b")}).stall();
  CollectingSink sink(1);
  const auto client = openai();
  const ModelCall call = call_of();
  EXPECT_EQ(run(*client, call, &sink).error().code, ErrorCode::Cancelled);
  EXPECT_EQ(sink.deltas().size(), 1U);
}

/// What came before the fault may or may not get through when both arrive in one read.
constexpr std::string_view kEither = "*";

struct FaultCase {
  std::string_view name;
  void (*script)(testing::Script&);
  ErrorCode code;
  std::string_view seen;  ///< text that reached the sink
};

TEST_F(HttpClientsTest, ReportsEveryFaultOfAStreamAsWhatItIs) {
  const std::vector<FaultCase> cases = {
      {"cut at 40 of 60", [](testing::Script& s) { s.stream(std::vector<std::string>(40, chunk("x"))).close(); },
       ErrorCode::ConnectionClosed, std::string_view("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")},
      {"ends without its terminator", [](testing::Script& s) { s.stream({chunk("x")}).finish(); },
       ErrorCode::ConnectionClosed, "x"},
      {"cut inside an event", [](testing::Script& s) { s.stream({chunk("x"), "data: {\"choi"}).finish(); },
       ErrorCode::ConnectionClosed, "x"},
      {"reset before headers", [](testing::Script& s) { s.reset(); }, ErrorCode::ConnectionClosed, ""},
      {"reset in the stream", [](testing::Script& s) { s.stream({chunk("x")}).reset(); }, ErrorCode::ConnectionClosed,
       "x"},
      {"malformed chunk", [](testing::Script& s) { s.stream({chunk("x"), "data: {oops\n\n"}).stall(); },
       ErrorCode::ProtocolError, "x"},
      {"broken chunk framing", [](testing::Script& s) { s.stream({chunk("x")}).send("zz\r\nnot hex\r\n").stall(); },
       ErrorCode::ProtocolError, kEither},
      {"error event",
       [](testing::Script& s) {
         s.stream({chunk("x"), "data: {\"error\":{\"type\":\"server_error\",\"message\":\"m\"}}\n\n"}).stall();
       },
       ErrorCode::UpstreamFailed, "x"},
      {"no response", [](testing::Script& s) { s.stall(); }, ErrorCode::FirstTokenTimeout, ""},
      {"headers, then silence", [](testing::Script& s) { s.stream({": hello\n\n"}).stall(); },
       ErrorCode::FirstTokenTimeout, ""},
      {"stall between tokens", [](testing::Script& s) { s.stream({chunk("x")}).stall(); }, ErrorCode::IdleTimeout, "x"},
      {"content filter",
       [](testing::Script& s) { s.respond(400, R"({"error":{"code":"content_filter","message":"m"}})"); },
       ErrorCode::ContentFiltered, ""},
      {"context length",
       [](testing::Script& s) { s.respond(400, R"({"error":{"code":"context_length_exceeded","message":"m"}})"); },
       ErrorCode::ContextOverflow, ""},
      {"server error", [](testing::Script& s) { s.respond(500, "oops"); }, ErrorCode::UpstreamFailed, ""},
      {"wrong key", [](testing::Script& s) { s.respond(401, "{}"); }, ErrorCode::UpstreamUnauthorized, ""},
      {"redirect", [](testing::Script& s) { s.respond(302, ""); }, ErrorCode::UpstreamFailed, ""},
      {"HTML instead of JSON", [](testing::Script& s) { s.respond(200, "<html>"); }, ErrorCode::ProtocolError, ""},
  };
  for (const FaultCase& c : cases) {
    Imposter imposter;
    c.script(imposter.expect("POST", "/v1/chat/completions"));
    policy::Model faulty = model(policy::ProviderKind::OpenAi);
    faulty.endpoint = imposter.url() + "/v1";
    faulty.timeouts.first_token = 100ms;
    faulty.timeouts.idle = 100ms;
    const auto client = make_openai_client(faulty, Secret(), http_).value();
    CollectingSink sink;
    const ModelCall call = call_of();

    const auto completion = run(*client, call, &sink);

    ASSERT_FALSE(completion.has_value()) << c.name;
    EXPECT_EQ(completion.error().code, c.code) << c.name << ": " << completion.error().message;
    if (c.seen != kEither) EXPECT_EQ(sink.text(), c.seen) << c.name;
  }
}

TEST_F(HttpClientsTest, AMissingDoneIsNoFault) {
  imposter_.expect("POST", "/v1/chat/completions").stream({chunk("a"), kLast}).finish();
  imposter_.expect("POST", "/v1/chat/completions").stream({chunk("a"), kLast, kDone}).close();
  const auto client = openai();
  const ModelCall call = call_of();
  CollectingSink sink;
  EXPECT_EQ(run(*client, call, &sink)->text, "a");
  EXPECT_EQ(run(*client, call, &sink)->text, "a") << "the answer was complete, HTTP's own end was not";
}

TEST_F(HttpClientsTest, NobodyListeningIsConnectFailed) {
  policy::Model nobody = model(policy::ProviderKind::OpenAi);
  nobody.endpoint = "http://127.0.0.1:" + std::to_string(testing::refused_port());
  const auto client = make_openai_client(nobody, Secret(), http_).value();
  const ModelCall call = call_of();
  EXPECT_EQ(run(*client, call).error().code, ErrorCode::ConnectFailed);
}

TEST_F(HttpClientsTest, ReadsRetryAfterInAllItsForms) {
  const std::vector<std::pair<std::vector<std::pair<std::string, std::string>>, std::int64_t>> cases = {
      {{{"retry-after", "7"}}, 7000},
      {{{"retry-after-ms", "1250"}, {"retry-after", "7"}}, 1250},
      {{{"date", "Sun, 06 Nov 1994 08:49:30 GMT"}, {"retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"}}, 7000},
      {{{"retry-after", "soon"}}, -1},
      {{}, -1},
  };
  const auto client = openai();
  const ModelCall call = call_of();
  for (const auto& [fields, expected] : cases) {
    net::Headers headers;
    for (const auto& [name, value] : fields) headers.add(name, value);
    imposter_.expect("POST", "/v1/chat/completions").respond(429, R"({"error":{"message":"slow"}})", headers);
    const auto completion = run(*client, call);
    ASSERT_FALSE(completion.has_value());
    EXPECT_EQ(completion.error().code, ErrorCode::RateLimited);
    EXPECT_EQ(completion.error().upstream_status, 429);
    EXPECT_EQ(completion.error().retry_after_ms, expected);
  }
}

TEST_F(HttpClientsTest, ConstrainsLabelsByGrammarWhereTheServerKnowsIt) {
  imposter_.expect("POST", "/v1/chat/completions").respond(200, std::string(kAnswer));
  const auto client = openai(OpenAiServer{.llama_server = true});
  ModelCall call = call_of();
  call.constraint = {.kind = OutputConstraint::Kind::Labels, .labels = {"build", "test"}, .schema = {}};
  ASSERT_TRUE(run(*client, call).has_value());
  EXPECT_EQ(body().at("grammar"), R"(root ::= "build" | "test")");
  EXPECT_FALSE(body().as_object().contains("response_format"));
}

TEST_F(HttpClientsTest, ConstrainsLabelsByASchemaElsewhereAndUnwrapsThem) {
  const std::string wrapped =
      R"({"choices":[{"index":0,"message":{"content":"{\"label\":\"build\"}"},"finish_reason":"stop"}]})";
  imposter_.expect("POST", "/v1/chat/completions").respond(200, wrapped);
  imposter_.expect("POST", "/v1/chat/completions")
      .stream({chunk("{\\\"label\\\":"), chunk("\\\"test\\\"}"), kLast + kDone})
      .finish();
  const auto client = openai();
  ModelCall call = call_of();
  call.constraint = {.kind = OutputConstraint::Kind::Labels, .labels = {"build", "test"}, .schema = {}};
  CollectingSink sink;

  EXPECT_EQ(run(*client, call)->text, "build");
  EXPECT_EQ(run(*client, call, &sink)->text, "test");

  EXPECT_EQ(sink.text(), "test") << "the wrapping never shows";
  const bj::value format = body().at("response_format").at("json_schema");
  EXPECT_EQ(format.at("schema").at("properties").at("label").at("enum"), (bj::array{"build", "test"}));
  EXPECT_EQ(format.at("strict"), true);
}

TEST_F(HttpClientsTest, SendsASchemaConstraintAsResponseFormat) {
  imposter_.expect("POST", "/v1/chat/completions").respond(200, std::string(kAnswer));
  const auto client = openai();
  ModelCall call = call_of();
  call.want_logprobs = true;
  call.constraint = {
      .kind = OutputConstraint::Kind::JsonSchema, .labels = {}, .schema = JsonText{R"({"type":"object"})"}};
  ASSERT_TRUE(run(*client, call).has_value());
  EXPECT_EQ(body().at("response_format").at("json_schema").at("schema"), (bj::object{{"type", "object"}}));
  EXPECT_EQ(body().at("logprobs"), true);
}

TEST_F(HttpClientsTest, RefusesMoreThanOneAnswer) {
  const auto client = openai();
  ModelCall call = call_of();
  call.request.n = 2;
  EXPECT_EQ(run(*client, call).error().code, ErrorCode::UnsupportedField);
}

TEST_F(HttpClientsTest, ProbesWhoTheServerIs) {
  imposter_.expect("GET", "/v1/models").respond(200, R"({"object":"list","data":[{"id":"x","owned_by":"llamacpp"}]})");
  imposter_.expect("GET", "/v1/models")
      .respond(200, R"({"object":"list","data":[{"id":"x","owned_by":"vllm","max_model_len":4096}]})");
  imposter_.expect("GET", "/v1/models").respond(401, "{}");
  imposter_.expect("GET", "/v1/models").respond(200, "[]");
  const policy::Model server = model(policy::ProviderKind::OpenAi, "/v1");
  const Secret key;
  const auto probe = [&] { return net::run_sync(probe_openai_server(server, key, http_, Deadline::after(10s))); };

  EXPECT_TRUE(probe()->llama_server);
  EXPECT_EQ(probe()->context_window, 4096);
  EXPECT_EQ(probe().error().code, ErrorCode::UpstreamUnauthorized);
  EXPECT_EQ(probe().error().code, ErrorCode::ProtocolError);
}

TEST_F(HttpClientsTest, AnthropicIsSentItsHeadersAndStreamed) {
  imposter_.expect("POST", "/v1/messages")
      .respond(
          200,
          R"({"id":"m","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}})");
  imposter_.expect("POST", "/v1/messages")
      .stream(
          {"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":1}}}\n\n",
           "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n",
           "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\ndata: {\"type\":\"message_stop\"}\n\n"})
      .finish();
  imposter_.expect("POST", "/v1/messages")
      .stream(
          {"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n"})
      .finish();
  const auto client = make_anthropic_client(model(policy::ProviderKind::Anthropic), Secret("ak"), http_).value();
  CollectingSink sink;
  const ModelCall call = call_of();

  EXPECT_EQ(run(*client, call)->text, "hello");
  EXPECT_EQ(run(*client, call, &sink)->usage, (Usage{.input_tokens = 1, .output_tokens = 2}));
  EXPECT_EQ(run(*client, call, &sink).error().code, ErrorCode::ConnectionClosed);

  const testing::SeenRequest request = imposter_.requests().at(0);
  EXPECT_EQ(request.headers.get("x-api-key"), "ak");
  EXPECT_EQ(request.headers.get("anthropic-version"), "2023-06-01");
  EXPECT_FALSE(request.headers.contains("authorization"));
  EXPECT_EQ(client->provider_name(), "anthropic");
}

TEST_F(HttpClientsTest, OllamaIsToldItsWindowAndItsTruncationIsAnError) {
  const auto answer = [](int prompt) {
    return R"({"model":"phi","message":{"content":"{\"label\":\"a\"}"},"done":true,"done_reason":"stop","prompt_eval_count":)" +
           std::to_string(prompt) + R"(,"eval_count":1})";
  };
  imposter_.expect("POST", "/api/chat").respond(200, answer(5));
  imposter_.expect("POST", "/api/chat").respond(200, answer(64));
  imposter_.expect("POST", "/api/chat").stream({answer(5) + "\n"}, "application/x-ndjson").finish();
  policy::Model ollama = model(policy::ProviderKind::Ollama);
  ollama.context_window = 64;
  const auto client = make_ollama_client(ollama, Secret(), http_).value();
  ModelCall call = call_of();
  call.constraint = {.kind = OutputConstraint::Kind::Labels, .labels = {"a"}, .schema = {}};
  CollectingSink sink;

  EXPECT_EQ(run(*client, call)->text, "a");
  EXPECT_EQ(run(*client, call).error().code, ErrorCode::ContextOverflow);
  EXPECT_EQ(run(*client, call, &sink)->text, "a");

  EXPECT_EQ(sink.text(), "a");
  EXPECT_EQ(body().at("options").at("num_ctx"), 64);
  EXPECT_EQ(client->capabilities().context_window, 64);
}

TEST_F(HttpClientsTest, EmbeddingsAreAskedWhereEachVendorHasThem) {
  struct Case {
    std::string_view name;
    policy::ProviderKind kind;
    std::string_view base;
    std::string_view path;
    std::string_view answer;
  };
  constexpr std::string_view openai_answer =
      R"({"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[3,4]}],"model":"e","usage":{"prompt_tokens":5}})";
  constexpr std::string_view ollama_answer = R"({"model":"e","embeddings":[[1,2],[3,4]],"prompt_eval_count":5})";
  using enum policy::ProviderKind;
  for (const Case& one :
       {Case{"OpenAI", OpenAi, "/v1", "/v1/embeddings", openai_answer},
        Case{"Azure", Azure, "", "/openai/deployments/gpt-x/embeddings?api-version=2024-10-21", openai_answer},
        Case{"Ollama", Ollama, "", "/api/embed", ollama_answer}}) {
    Imposter imposter;
    imposter.expect("POST", std::string(one.path)).respond(200, std::string(one.answer));
    policy::Model asked = model(one.kind);
    asked.endpoint = imposter.url() + std::string(one.base);
    asked.api_version = "2024-10-21";
    const auto client = one.kind == Ollama ? make_ollama_client(asked, Secret(), http_).value()
                                           : make_openai_client(asked, Secret("sk-test"), http_).value();
    const EmbeddingRequest request{.model = "gpt-x", .texts = {"a", "b"}, .dimensions = std::nullopt, .user = {}};

    const auto answer = net::run_sync(client->embed(request, Deadline::after(20s)));

    ASSERT_TRUE(answer.has_value()) << one.name << ": " << describe(answer.error());
    EXPECT_EQ(answer->vectors, (std::vector<std::vector<float>>{{1, 2}, {3, 4}})) << one.name;
    EXPECT_EQ(answer->usage, (Usage{.input_tokens = 5})) << one.name;
    const bj::value sent = *wire::parse_json(imposter.requests().at(0).body);
    EXPECT_EQ(sent.at("input").as_array().size(), 2U) << one.name;
  }
}

TEST_F(HttpClientsTest, AFailedEmbeddingIsTheProvidersErrorAndSomeHaveNone) {
  imposter_.expect("POST", "/v1/embeddings")
      .respond(429, R"({"error":{"message":"slow","code":"rate_limit_exceeded"}})");
  const EmbeddingRequest request{.model = "gpt-x", .texts = {"a"}, .dimensions = std::nullopt, .user = {}};
  const auto limited = net::run_sync(openai()->embed(request, Deadline::after(20s)));
  ASSERT_FALSE(limited.has_value());
  EXPECT_EQ(limited.error().code, ErrorCode::RateLimited);

  const auto anthropic =
      make_anthropic_client(model(policy::ProviderKind::Anthropic), Secret("sk-test"), http_).value();
  const auto none = net::run_sync(anthropic->embed(request, Deadline::after(20s)));
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ErrorCode::UnsupportedField);
}

TEST_F(HttpClientsTest, AnEndpointThatIsNoUrlIsRefusedByName) {
  policy::Model wrong = model(policy::ProviderKind::OpenAi);
  wrong.endpoint = "ftp://x";
  const auto client = make_openai_client(wrong, Secret(), http_);
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().where, "models.m.endpoint");
}

}  // namespace
}  // namespace suffice::providers
