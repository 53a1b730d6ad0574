// read_document_part never crashes; what it reads is UTF-8, and its text written as base64 reads the same again.
#include "core/text.hpp"
#include "wire/document_part.hpp"
#include "wire/embeddings.hpp"
#include "wire/fuzz_support.hpp"

using namespace suffice;

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  const std::vector<std::string> corpus = {
      R"({"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;base64,SGVsbG8="}})",
      R"({"type":"document","title":"t","source":{"type":"base64","media_type":"text/plain","data":"SGVsbG8="}})",
      R"({"type":"document","source":{"type":"content","content":[{"type":"text","text":"Hello"}]}})"};
  const std::vector<std::string_view> words = {"data:", ";base64,", "=", "==", "\"", "{", "}", "text", "\xff", "SGVs"};
  std::uint64_t read = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string input = wire::fuzz::mutate(corpus, words, random);
    const auto part =
        wire::read_document_part(ContentPart{.kind = ContentPart::Kind::File, .text = {}, .raw = {input}});
    if (!part) continue;
    ++read;
    wire::fuzz::require(!first_invalid_utf8(part->text), "the text is UTF-8", input);
    const auto again = wire::decode_base64(wire::base64(part->text));
    wire::fuzz::require(again && *again == part->text, "base64 reads back", input);
  }
  std::printf("%llu documents read\n", static_cast<unsigned long long>(read));
  return read == 0 ? 1 : 0;
}
