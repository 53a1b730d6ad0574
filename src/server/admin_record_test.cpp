#include "server/admin_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::server {
namespace {

TEST(EventQuery, MeansTheNewestFiftyUnlessItSaysOtherwise) {
  const audit::EventFilter filter = *read_event_query("");
  EXPECT_TRUE(filter.newest_first);
  EXPECT_EQ(filter.limit, 50);
}

TEST(EventQuery, ReadsEveryParameterDecoded) {
  const audit::EventFilter filter = *read_event_query(
      "task=a%20b&kind=request&route=local&reason=refusal&since=2026-11-22T00%3A00&until=x&id=0189ab&limit=7&after=9");
  EXPECT_EQ(filter.task, "a b");
  EXPECT_EQ(filter.kind, "request");
  EXPECT_EQ(filter.route, "local");
  EXPECT_EQ(filter.reason, "refusal");
  EXPECT_EQ(filter.since, "2026-11-22T00:00");
  EXPECT_EQ(filter.until, "x");
  EXPECT_EQ(filter.id_or_request_id, "0189ab");
  EXPECT_EQ(filter.limit, 7);
  EXPECT_EQ(filter.after_sequence, 9);
  EXPECT_FALSE(filter.newest_first) << "a page after another goes on in order";
}

TEST(EventQuery, NamesTheParameterThatIsWrong) {
  for (const char* query : {"limit=0", "limit=1001", "limit=many", "after=-1", "order=up", "colour=red"}) {
    const Result<audit::EventFilter> filter = read_event_query(query);
    ASSERT_FALSE(filter) << query;
    EXPECT_EQ(filter.error().where, std::string(query).substr(0, std::string(query).find('='))) << query;
  }
}

TEST(Judgement, IsAnEventAboutAnother) {
  const audit::Event event =
      *read_judgement(R"({"event_id":"e1","label":"escalate","label_value":"test","actor":"anna","note":"n"})",
                      audit::Event::Kind::Review);
  EXPECT_EQ(event.kind, audit::Event::Kind::Review);
  EXPECT_EQ(event.refers_to, "e1");
  EXPECT_EQ(event.label, "escalate");
  EXPECT_EQ(event.label_value, "test");
  EXPECT_EQ(event.actor, "anna");
}

TEST(Judgement, NeedsToKnowWhichWhatAndWho) {
  const auto where = [](const char* body) { return read_judgement(body, audit::Event::Kind::Review).error().where; };
  EXPECT_EQ(where(R"({"label":"accept","actor":"a"})"), "event_id");
  EXPECT_EQ(where(R"({"event_id":"e","actor":"a"})"), "label");
  EXPECT_EQ(where(R"({"event_id":"e","label":"accept"})"), "actor");
  EXPECT_EQ(where(R"({"event_id":"e","label":"accept","actor":"a","x":1})"), "x");
  EXPECT_EQ(where("[]"), "body");
}

TEST(ShadowCounts, AreByTask) {
  const auto event = [](const char* task, const char* json) {
    audit::StoredEvent stored;
    stored.task = task;
    stored.json = json;
    return stored;
  };
  EXPECT_EQ(
      shadow_body({event("a", R"({"route":"local","label":"agrees"})"),
                   event("a", R"({"route":"local","label":"differs"})"),
                   event("a", R"({"route":"escalated","label":"differs"})"), event("b", R"({"route":"escalated"})")}),
      R"({"tasks":{"a":{"runs":3,"local":2,"agrees":1,"differs":1},"b":{"runs":1,"local":0,"agrees":0,"differs":0}}})");
}

}  // namespace
}  // namespace suffice::server
