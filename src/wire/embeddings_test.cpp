#include "wire/embeddings.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace suffice::wire {
namespace {

TEST(Base64, MatchesTheVectorsOfTheRfc) {
  // RFC 4648, 10.
  for (const auto& [plain, coded] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"", ""},
                                                                  {"f", "Zg=="},
                                                                  {"fo", "Zm8="},
                                                                  {"foo", "Zm9v"},
                                                                  {"foob", "Zm9vYg=="},
                                                                  {"fooba", "Zm9vYmE="},
                                                                  {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(base64(plain), coded);
  }
  EXPECT_EQ(base64("\xFF\xFE"), "//4=");
}

TEST(OpenAiEmbeddings, ReadsOneTextOrMany) {
  const auto one = decode_openai_embeddings_request(R"({"model":"m","input":"a"})");
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(one->request.texts, (std::vector<std::string>{"a"}));
  EXPECT_EQ(one->format, VectorFormat::Numbers);

  const auto many = decode_openai_embeddings_request(
      R"({"model":"m","input":["a","b"],"encoding_format":"base64","dimensions":8,"user":"u"})");
  ASSERT_TRUE(many.has_value());
  EXPECT_EQ(many->request.texts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(many->request.dimensions, 8);
  EXPECT_EQ(many->request.user, "u");
  EXPECT_EQ(many->format, VectorFormat::Base64);
}

TEST(Embeddings, WhatCannotBeHonouredIsRefusedByName) {
  struct Case {
    std::string_view name;
    std::string_view body;
    std::string_view where;
    ErrorCode code;
    bool ollama = false;
  };
  using enum ErrorCode;
  for (const Case& one : {
           Case{"one text in tokens", R"({"model":"m","input":[1,2]})", "input[0]", UnsupportedField},
           Case{"texts in tokens", R"({"model":"m","input":[[1,2]]})", "input[0]", UnsupportedField},
           Case{"no text", R"({"model":"m"})", "input", MalformedRequest},
           Case{"empty list", R"({"model":"m","input":[]})", "input", MalformedRequest},
           Case{"empty text", R"({"model":"m","input":["a",""]})", "input[1]", MalformedRequest},
           Case{"no model", R"({"input":"a"})", "model", MalformedRequest},
           Case{"format", R"({"model":"m","input":"a","encoding_format":"int8"})", "encoding_format", MalformedRequest},
           Case{"dimensions", R"({"model":"m","input":"a","dimensions":0})", "dimensions", MalformedRequest},
           Case{"unknown", R"({"model":"m","input":"a","task_type":"x"})", "", UnsupportedField},
           Case{"no object", R"([])", "", MalformedRequest},
           Case{"cutting", R"({"model":"m","input":"a","truncate":true})", "truncate", UnsupportedField, true},
           Case{"options", R"({"model":"m","input":"a","options":{"num_ctx":1}})", "options", UnsupportedField, true},
       }) {
    const Error error =
        one.ollama ? decode_ollama_embed_request(one.body).error() : decode_openai_embeddings_request(one.body).error();
    EXPECT_EQ(error.code, one.code) << one.name;
    EXPECT_EQ(error.where, one.where) << one.name;
  }
}

TEST(OllamaEmbed, TakesWhatChangesNothing) {
  const auto request =
      decode_ollama_embed_request(R"({"model":"m","input":["a"],"truncate":false,"options":{},"keep_alive":"5m"})");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->texts, (std::vector<std::string>{"a"}));
}

EmbeddingAnswer two_vectors() {
  EmbeddingAnswer answer;
  answer.vectors = {{0.1F, -2, 0}, {1e-20F, 3.5F, 16777216}};
  answer.usage = Usage{.input_tokens = 7};
  answer.model = "m";
  return answer;
}

TEST(OpenAiEmbeddings, WritesNumbersThatReadBackAsTheSameFloats) {
  const std::string body = encode_openai_embeddings_response(two_vectors(), "asked", VectorFormat::Numbers);
  EXPECT_EQ(body, R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-2,0]},)"
                  R"({"object":"embedding","index":1,"embedding":[1e-20,3.5,16777216]}],)"
                  R"("model":"asked","usage":{"prompt_tokens":7,"total_tokens":7}})");
  const auto read = decode_openai_embeddings_response(body, 2);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->vectors, two_vectors().vectors);
  EXPECT_EQ(read->usage, two_vectors().usage);
}

TEST(OpenAiEmbeddings, Base64IsOfLittleEndianFloats) {
  EmbeddingAnswer answer;
  answer.vectors = {{1.0F}};  // 0x3F800000
  const std::string body = encode_openai_embeddings_response(answer, "m", VectorFormat::Base64);
  EXPECT_NE(body.find(R"("embedding":"AACAPw==")"), std::string::npos) << body;
}

TEST(Embeddings, ProvidersAreAskedInTheirWords) {
  const EmbeddingRequest request{.model = "m", .texts = {"a", "b"}, .dimensions = 8, .user = "u"};
  EXPECT_EQ(encode_openai_embeddings_request(request),
            R"({"model":"m","input":["a","b"],"encoding_format":"float","dimensions":8,"user":"u"})");
  EXPECT_EQ(encode_ollama_embed_request(request), R"({"model":"m","input":["a","b"],"truncate":false,"dimensions":8})");
}

TEST(Embeddings, VectorsAreTakenByTheirIndex) {
  const auto read = decode_openai_embeddings_response(
      R"({"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}],"model":"m"})", 2);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->vectors, (std::vector<std::vector<float>>{{1}, {2}}));
  EXPECT_FALSE(read->usage.has_value()) << "unknown is not nought";
}

TEST(Embeddings, AnAnswerThatIsNotWholeIsAProtocolError) {
  for (const std::string_view body : {R"([])", R"({})", R"({"data":[]})", R"({"data":[{"index":0,"embedding":[1]}]})",
                                      R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",
                                      R"({"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]})",
                                      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]})",
                                      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":["x"]}]})",
                                      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1e300]}]})",
                                      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":"AACAPw=="}]})"}) {
    const auto read = decode_openai_embeddings_response(body, 2);
    ASSERT_FALSE(read.has_value()) << body;
    EXPECT_EQ(read.error().code, ErrorCode::ProtocolError) << body;
  }
  for (const std::string_view body :
       {R"({})", R"({"embeddings":[[1]]})", R"({"embeddings":[[1],[]]})", R"(nonsense)"}) {
    const auto read = decode_ollama_embed_response(body, 2);
    ASSERT_FALSE(read.has_value()) << body;
    EXPECT_EQ(read.error().code, ErrorCode::ProtocolError) << body;
  }
}

TEST(OllamaEmbed, WritesAndReadsItsOwnAnswer) {
  const std::string body = encode_ollama_embed_response(two_vectors(), "m", 5);
  const auto read = decode_ollama_embed_response(body, 2);
  ASSERT_TRUE(read.has_value()) << body;
  EXPECT_EQ(*read, two_vectors());
}

}  // namespace
}  // namespace suffice::wire
