// Mutations of recorded events through read_event and everything that is counted of them: no crash, and shares stay shares.
// suffice_fuzz_operate [--seed N] [--iterations N]

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "lab/operate/drift.hpp"
#include "lab/operate/numbers.hpp"
#include "lab/operate/review.hpp"
#include "lab/operate/sample_decisions.hpp"
#include "wire/fuzz_support.hpp"

namespace {

using namespace suffice;
using namespace suffice::lab;

constexpr std::array<std::string_view, 12> kWords = {"\"kind\":\"request\"",
                                                     "\"kind\":\"review\"",
                                                     "null",
                                                     "-1",
                                                     "1e308",
                                                     "9223372036854775807",
                                                     "\"route\":\"local\"",
                                                     "[]",
                                                     "{}",
                                                     "\"time\":\"2026-11-16T00:00:00.000Z\"",
                                                     "\"attempts\":[",
                                                     "\xff"};

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = wire::fuzz::read_arguments({argv, static_cast<std::size_t>(argc)});
  SeededRandom random(arguments.seed);
  audit::Event review;
  review.kind = audit::Event::Kind::Review;
  review.time = testing::monday();
  review.refers_to = testing::event_of({}).id;
  review.actor = "ana";
  review.label = "escalate";
  const std::vector<std::string> corpus = {audit::event_json(testing::event_of({})),
                                           audit::event_json(testing::event_of({.number = 2, .accepted = false})),
                                           audit::event_json(review)};
  const WallTime from = testing::monday();
  const WallTime to = from + std::chrono::hours(168);
  NumbersBuilder numbers({.from = from, .to = to, .repetitions = 10});
  ReviewBookBuilder reviews(from, to);
  DriftBuilder drift({.reference = from, .from = from + std::chrono::minutes(1), .to = to, .requests_min = 5});
  std::uint64_t read = 0;
  for (std::uint64_t i = 0; i < arguments.iterations; ++i) {
    const Result<Recorded> recorded = read_event(wire::fuzz::mutate(corpus, kWords, random));
    if (!recorded) continue;
    ++read;
    numbers.add(*recorded);
    reviews.add(*recorded);
    drift.add(*recorded);
  }
  const ReviewBook book = reviews.build();
  const std::vector<DefectRate> rates = defect_rates(book);
  for (const DefectRate& rate : rates) {
    require(rate.interval.low >= 0 && rate.interval.low <= rate.interval.high && rate.interval.high <= 1,
            "a defect rate's interval");
  }
  static_cast<void>(drift.build(rates));
  const Numbers made = numbers.build();
  require(
      made.total.local.k + made.total.escalated.k + made.total.straight.k + made.total.failed.k <= made.total.requests,
      "routes add up to no more than the requests");
  std::printf("%llu events read, no fault\n", static_cast<unsigned long long>(read));
  return 0;
}
