#include "lab/operate/recorded.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/sample_events.hpp"
#include "lab/operate/sample_decisions.hpp"

namespace suffice::lab {
namespace {

TEST(Recorded, ComesBackAsItWasWritten) {
  const audit::Event event = audit::testing::request_event("0189-a");

  const Result<Recorded> read = read_event(audit::event_json(event));

  ASSERT_TRUE(read) << describe(read.error());
  const audit::Event& back = read->event;
  EXPECT_EQ(back.id, event.id);
  EXPECT_EQ(back.time, event.time);
  EXPECT_EQ(back.task, "classify_issue");
  EXPECT_EQ(back.route, Route::EscalatedAfterValidation);
  EXPECT_EQ(back.reasons, event.reasons);
  EXPECT_EQ(back.input_checks, event.input_checks);
  EXPECT_EQ(back.cost, event.cost);
  EXPECT_EQ(back.counterfactual_cost, event.counterfactual_cost);
  EXPECT_EQ(back.latency_us, event.latency_us);
  ASSERT_EQ(back.attempts.size(), 2U);
  EXPECT_EQ(back.attempts[0].signals, event.attempts[0].signals);
  EXPECT_EQ(back.attempts[0].usage, event.attempts[0].usage);
  EXPECT_EQ(back.attempts[0].confidence, 0.625);
  EXPECT_EQ(back.attempts[0].threshold, 0.72);
  EXPECT_FALSE(back.attempts[1].confidence);
  EXPECT_EQ(read->input.bytes, static_cast<std::int64_t>(event.input.size()));
  EXPECT_EQ(read->output.preview, "dependency");
  EXPECT_EQ(read->output.sha256.size(), 64U);
}

TEST(Recorded, WritesTheSameEventAgainButForItsTexts) {
  audit::Event event = audit::testing::request_event("0189-a");
  event.input.clear();
  event.output.clear();
  const std::string json = audit::event_json(event);

  const Result<Recorded> read = read_event(json);

  ASSERT_TRUE(read);
  EXPECT_EQ(audit::event_json(read->event), json);
}

TEST(Recorded, TellsAChangeOfStateFromADecision) {
  audit::Event event;
  event.kind = audit::Event::Kind::KillSwitch;
  event.time = testing::monday();
  event.note = "kill switch frontier_only";

  const Result<Recorded> read = read_event(audit::event_json(event));

  ASSERT_TRUE(read);
  EXPECT_EQ(read->event.kind, audit::Event::Kind::KillSwitch);
  EXPECT_EQ(read->event.note, event.note);
  EXPECT_FALSE(is_decision(read->event));
}

TEST(Recorded, KnowsEveryKindOfTheRecord) {
  for (int i = 0; i <= static_cast<int>(audit::Event::Kind::VaultRead); ++i) {
    audit::Event event;
    event.kind = static_cast<audit::Event::Kind>(i);
    event.time = testing::monday();
    const Result<Recorded> read = read_event(audit::event_json(event));
    ASSERT_TRUE(read) << audit::name(event.kind);
    EXPECT_EQ(read->event.kind, event.kind);
  }
}

struct BadEvent {
  const char* name;
  std::string json;
  ErrorCode code;
};

TEST(Recorded, RefusesWhatIsNoEvent) {
  const BadEvent cases[] = {
      {"no JSON", "{", ErrorCode::MalformedJson},
      {"no object", "[]", ErrorCode::MalformedRequest},
      {"a kind of later", R"({"kind":"promotion_of_2031","time":"2026-11-16T00:00:00.000Z"})",
       ErrorCode::UnsupportedField},
      {"no time", R"({"kind":"start","time":"yesterday"})", ErrorCode::InvalidArgument},
      {"no route", R"({"kind":"request","time":"2026-11-16T00:00:00.000Z"})", ErrorCode::MalformedRequest},
  };
  for (const BadEvent& bad : cases) {
    const Result<Recorded> read = read_event(bad.json);
    ASSERT_FALSE(read) << bad.name;
    EXPECT_EQ(read.error().code, bad.code) << bad.name;
  }
}

TEST(Recorded, AnEmbeddingIsNoDecision) {
  audit::Event event = testing::event_of({});
  event.surface = "openai.embeddings";
  EXPECT_FALSE(is_decision(event));
  event.surface = "openai.chat.completions";
  EXPECT_TRUE(is_decision(event));
}

TEST(ParseTime, ReadsWhatTheRecordWrites) {
  for (const std::int64_t ms : {0L, 1L, 999L, 86'399'999L, 1'795'000'000'123L}) {
    const WallTime time{std::chrono::milliseconds(ms)};
    const Result<WallTime> read = parse_time(audit::rfc3339_ms(time));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, time);
  }
  EXPECT_EQ(parse_time("2026-11-16"), testing::monday());
  EXPECT_EQ(parse_time("2026-11-16T00:00:00Z"), testing::monday());
}

TEST(ParseTime, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "1969-12-31", "2262-01-01", "9999-12-31", "2026-13-01", "2026-02-30", "2026-11-16T", "2026-11-16T25:00:00Z",
        "2026-11-16T00:00:00", "2026-11-16T00:00:00.Z", "2026-11-16T00:00:00+01:00", "2026-11-16 00:00:00Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(ParseSince, CountsBackFromNow) {
  const WallTime now = testing::monday();
  EXPECT_EQ(parse_since("30m", now), now - std::chrono::minutes(30));
  EXPECT_EQ(parse_since("24h", now), now - std::chrono::hours(24));
  EXPECT_EQ(parse_since("7d", now), now - std::chrono::hours(168));
  EXPECT_EQ(parse_since("4w", now), now - std::chrono::hours(672));
  EXPECT_EQ(parse_since("2026-11-16", now), now);
  for (const char* text : {"", "d", "7", "0d", "-1d", "7y", "99999999999d", "7 d"})
    EXPECT_FALSE(parse_since(text, now)) << text;
}

}  // namespace
}  // namespace suffice::lab
