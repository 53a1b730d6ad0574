// parse_json never crashes; what it accepts survives writing and reading, and its canonical text is a fixed point.
#include "core/text.hpp"
#include "wire/fuzz_support.hpp"
#include "wire/json.hpp"

using namespace suffice;

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  const std::vector<std::string> corpus = {
      R"({"a":[1,-2.5e3,true,false,null,"x\u00e9\ud83d\ude00\n"],"b":{"c":{}},"":[]})",
      R"([18446744073709551615,-9223372036854775808,1e308,5e-324,0.1,"\u0000\/\\\""])",
      "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]",
      " {\"\xe2\x82\xac\" : \"\xf0\x9f\x98\x80\" , \"k\" : 0 } \r\n",
  };
  const std::vector<std::string_view> words = {
      "\"",           "\\u",  "\\ud800",      "{",   "}",    "[",  "]",        ":",  ",", "e+", "-", "1e999",
      "\xef\xbb\xbf", "\xff", "\xed\xa0\x80", "nul", "true", "/*", "\"a\":1,", "NaN"};
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string input = wire::fuzz::mutate(corpus, words, random);
    const auto value = wire::parse_json(input, {.depth_max = 24, .bytes_max = 32'768});
    if (!value) continue;
    ++accepted;
    wire::fuzz::require(!first_invalid_utf8(input), "accepted text is UTF-8", input);
    const std::string text = wire::to_json_text(*value).text;
    const auto again = wire::parse_json(text);
    const std::string canonical =
        wire::canonical_json(*value);  // 2500 and 2.5e3 are one number, of two types in the tree
    wire::fuzz::require(again && wire::canonical_json(*again) == canonical, "what was written reads back equal", input);
    const auto third = wire::parse_json(canonical);
    wire::fuzz::require(third && wire::canonical_json(*third) == canonical, "canonical text is a fixed point", input);
  }
  std::printf("%llu accepted\n", static_cast<unsigned long long>(accepted));
  return accepted == 0 ? 1 : 0;
}
