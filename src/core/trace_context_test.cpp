#include "core/trace_context.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace suffice {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kSpan = "00f067aa0ba902b7";

TEST(Traceparent, IsReadAsTheStandardSays) {
  struct Case {
    std::string name;
    std::string header;
    bool valid;
    bool sampled;
  };
  const std::vector<Case> cases = {
      {"recorded", "00-" + kTrace + "-" + kSpan + "-01", true, true},
      {"not recorded", "00-" + kTrace + "-" + kSpan + "-00", true, false},
      {"other flags are ignored", "00-" + kTrace + "-" + kSpan + "-fe", true, false},
      {"a later version", "01-" + kTrace + "-" + kSpan + "-01-more", true, true},
      {"a later version of the same length", "cc-" + kTrace + "-" + kSpan + "-01", true, true},
      {"a later version with junk", "01-" + kTrace + "-" + kSpan + "-01.more", false, false},
      {"version ff", "ff-" + kTrace + "-" + kSpan + "-01", false, false},
      {"version 00 is not longer", "00-" + kTrace + "-" + kSpan + "-01-more", false, false},
      {"too short", "00-" + kTrace + "-" + kSpan + "-0", false, false},
      {"empty", "", false, false},
      {"upper case", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kSpan + "-01", false, false},
      {"no trace", "00-" + std::string(32, '0') + "-" + kSpan + "-01", false, false},
      {"no span", "00-" + kTrace + "-" + std::string(16, '0') + "-01", false, false},
      {"not hex", "00-" + kTrace + "-00f067aa0ba902bg-01", false, false},
      {"a header in the header", "00-" + kTrace + "-" + kSpan + "-0\r", false, false},
  };
  for (const Case& one : cases) {
    const std::optional<TraceContext> read = parse_traceparent(one.header);
    EXPECT_EQ(read.has_value(), one.valid) << one.name;
    if (!read || !one.valid) continue;
    EXPECT_EQ(read->trace_id, kTrace) << one.name;
    EXPECT_EQ(read->span_id, kSpan) << one.name;
    EXPECT_EQ(read->sampled, one.sampled) << one.name;
  }
}

TEST(Traceparent, IsWrittenSoThatItReadsBack) {
  SeededRandom random(3);
  for (int i = 0; i < 100; ++i) {
    const TraceContext made = new_trace(random);
    EXPECT_EQ(parse_traceparent(to_traceparent(made)), made);
  }
}

TEST(TraceContext, KeepsTheTraceInAChildAndChangesTheSpan) {
  SeededRandom random(3);
  const TraceContext parent = new_trace(random);
  const TraceContext child = child_of(parent, random);
  EXPECT_EQ(child.trace_id, parent.trace_id);
  EXPECT_NE(child.span_id, parent.span_id);
  EXPECT_EQ(child.sampled, parent.sampled);
}

}  // namespace
}  // namespace suffice
