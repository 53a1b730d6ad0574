// SseReader and the stream decoders give the same result however the bytes are split, and never crash.
#include <algorithm>
#include <tuple>

#include "wire/anthropic_messages.hpp"
#include "wire/fuzz_support.hpp"
#include "wire/ollama_chat.hpp"
#include "wire/openai_chat.hpp"
#include "wire/sse.hpp"

using namespace suffice;

namespace {

/// Feeds `input` in pieces of at most `piece_max` bytes.
template <class Feed>
bool feed_in_pieces(std::string_view input, std::size_t piece_max, Random& random, Feed feed) {
  while (!input.empty()) {
    const std::size_t take = std::min<std::size_t>(input.size(), random.below(piece_max) + 1);
    if (!feed(input.substr(0, take))) return false;
    input.remove_prefix(take);
  }
  return true;
}

struct Decoded {
  bool fed = false;
  std::vector<Delta> deltas;
  Result<Completion> completion = fail(ErrorCode::Internal, "");
};

Decoded decode(std::unique_ptr<wire::StreamDecoder> decoder, std::string_view input, std::size_t piece_max,
               Random& random) {
  Decoded out;
  out.fed = feed_in_pieces(input, piece_max, random,
                           [&](std::string_view piece) { return decoder->feed(piece, out.deltas).has_value(); });
  out.completion = decoder->finish();
  return out;
}

void check(std::unique_ptr<wire::StreamDecoder> (*make)(), std::string_view input, Random& random) {
  const Decoded whole = decode(make(), input, input.size() + 1, random);
  const Decoded split = decode(make(), input, 7, random);
  wire::fuzz::require(whole.fed == split.fed && whole.completion == split.completion, "splits do not change the answer",
                      input);
  wire::fuzz::require(whole.deltas == split.deltas, "splits do not change the deltas", input);
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  const std::vector<std::string> corpus = {
      "\xef\xbb\xbf: hi\r\nevent: a\r\ndata: {\"x\":1}\r\nid: 4\r\n\r\ndata: y\rdata: z\r\rdata\n\n",
      "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}\n\n"
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n"
      "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n"
      "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\n"
      "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
      "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\"done\":false}\n"
      "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{}}}]},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":3,\"eval_count\":1}\n",
  };
  const std::vector<std::string_view> words = {"\n",
                                               "\r",
                                               "\r\n",
                                               "\n\n",
                                               ":",
                                               "data: ",
                                               "data: [DONE]\n\n",
                                               "event: error\n",
                                               "id",
                                               "\xef\xbb\xbf",
                                               "{\"error\":{\"message\":\"x\"}}",
                                               "\"index\":-1",
                                               "\"index\":99",
                                               "null",
                                               "\\u0000"};
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string input = wire::fuzz::mutate(corpus, words, random);
    wire::SseReader whole;
    wire::SseReader split;
    std::vector<wire::SseEvent> expected;
    std::vector<wire::SseEvent> events;
    std::ignore = whole.feed(input, expected);
    feed_in_pieces(input, 5, random, [&](std::string_view piece) { return split.feed(piece, events).has_value(); });
    wire::fuzz::require(events == expected, "splits do not change the events", input);
    check([] { return wire::make_openai_chat_stream_decoder(); }, input, random);
    check([] { return wire::make_anthropic_stream_decoder(); }, input, random);
    check([] { return wire::make_ollama_stream_decoder(0); }, input, random);
  }
  return 0;
}
