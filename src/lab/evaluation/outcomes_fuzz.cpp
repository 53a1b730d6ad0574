// outcomes_fuzz --seed N --iterations N: altered files of recorded outcomes are refused, or read with every figure in its range.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "core/random.hpp"
#include "lab/evaluation/outcomes.hpp"
#include "wire/fuzz_support.hpp"

using namespace suffice;

namespace {

bool in_range(const lab::OutcomeSet& set) {
  for (const lab::OutcomeRow& row : set.rows) {
    if (row.models.size() != set.models.size() || row.id.empty()) return false;
    for (const auto& outcome : row.models) {
      if (!outcome) continue;
      if (!(outcome->quality >= 0 && outcome->quality <= 1)) return false;
      if (outcome->confidence && !(*outcome->confidence >= 0 && *outcome->confidence <= 1)) return false;
    }
  }
  return !set.models.empty();
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  const std::vector<std::string> corpus = {
      "{\"id\":\"a\",\"models\":{\"x\":{\"correct\":true,\"confidence\":0.5,\"output\":\"o\"},\"y\":[1,0,3]}}\n{\"models\":{\"x\":1}}",
      "{\"ladder\":[\"a\",\"b\"],\"rungs\":[{\"oracle_correct\":true,\"gate_score\":1},{\"oracle_correct\":false}]}",
      "{\"question\":\"q\",\"m\":{\"is_correct\":true,\"solution\":\"s\"}}",
      "prompt,a,b,a_response,b.cost\n\"x, y\",True,False,z,0.5\nq,1,0,,\n",
      "dataset,model,q,confidence,correct\nd,x,1,0.5,1\nd,y,1,0.25,0\n",
      std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00\x43\xbe\xb7\xe8\x01\x00\x00\x00", 21)};
  const std::vector<std::string_view> words = {"null", "1e999", "-1",   "\"\"", "{",     "}",       "[",      "]",
                                               ",",    "\n",    "True", "NaN",  "model", "correct", "models", "rungs"};
  std::uint64_t accepted = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const std::string content = wire::fuzz::mutate(corpus, words, random);
    Result<lab::OutcomeSet> set = lab::read_outcomes(content);
    if (!set) continue;
    ++accepted;
    if (!in_range(*set)) {
      std::printf("a figure out of its range from:\n%s\n", content.c_str());
      return 1;
    }
    const Result<std::size_t> gone = lab::exclude_rows(*set, wire::fuzz::mutate(corpus, words, random));
    if (gone && !set->rows.empty() && !in_range(*set)) return 1;
  }
  std::printf("%llu accepted\n", static_cast<unsigned long long>(accepted));
  return accepted == 0 ? 1 : 0;
}
