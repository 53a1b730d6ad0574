// Embeddings of both dialects: no bytes crash a decoder, and what one accepts can be written and read again.
#include <tuple>

#include "wire/embeddings.hpp"
#include "wire/fuzz_support.hpp"

using namespace suffice;

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  const std::vector<std::string> corpus = {
      R"({"model":"m","input":["a","b"],"encoding_format":"base64","dimensions":8,"user":"u"})",
      R"({"model":"m","input":"a","truncate":false,"options":{},"keep_alive":"5m"})",
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-2,0]},{"index":1,"embedding":[1e-20,3.5,7]}],"model":"m","usage":{"prompt_tokens":7}})",
      R"({"model":"m","embeddings":[[0.1,2],[3,4]],"prompt_eval_count":3})",
  };
  const std::vector<std::string_view> words = {"null",          "[]",   "{}",          "1e39", "-1",
                                               "\"input\":[1]", "true", "\"index\":9", ",",    "[[]]"};
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string input = wire::fuzz::mutate(corpus, words, random);
    std::ignore = wire::decode_ollama_embed_request(input);
    if (const auto request = wire::decode_openai_embeddings_request(input)) {
      ++accepted;
      const auto again =
          wire::decode_openai_embeddings_request(wire::encode_openai_embeddings_request(request->request));
      wire::fuzz::require(again && again->request == request->request, "a request reads back equal", input);
    }
    if (const auto answer = wire::decode_openai_embeddings_response(input, 2)) {
      ++accepted;
      const auto again = wire::decode_openai_embeddings_response(
          wire::encode_openai_embeddings_response(*answer, answer->model, wire::VectorFormat::Numbers), 2);
      wire::fuzz::require(again && again->vectors == answer->vectors, "vectors read back equal", input);
    }
    if (const auto answer = wire::decode_ollama_embed_response(input, 2)) {
      ++accepted;
      const auto again = wire::decode_ollama_embed_response(wire::encode_ollama_embed_response(*answer, "m", 0), 2);
      wire::fuzz::require(again && again->vectors == answer->vectors, "vectors read back equal", input);
    }
  }
  std::printf("%llu accepted\n", static_cast<unsigned long long>(accepted));
  return accepted == 0 ? 1 : 0;
}
