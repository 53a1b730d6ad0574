#include "lab/operate/review_session.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/operate/sample_decisions.hpp"

namespace suffice::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Kind = SessionEffect::Kind;
using testing::monday;

class ReviewSessionTest : public ::testing::Test {
 protected:
  ReviewSessionTest() {
    for (int i = 0; i < 3; ++i) {
      book_.items.push_back({.event_id = "event-" + std::to_string(i),
                             .task = "classify_issue",
                             .model = "suffice-mini",
                             .input = {.bytes = 12, .preview = "Build failed"},
                             .output = {.bytes = 5, .preview = "build"},
                             .confidence = 0.75,
                             .threshold = 0.7,
                             .suspicions = {"confidence 0.750 near the threshold 0.700"}});
    }
  }
  ReviewSession session(Blind blind = Blind::No) {
    return ReviewSession(book_, {{.item = 2}, {.item = 0, .sampled = true}, {.item = 1}},
                         {.reviewer = "ana", .blind = blind, .labels = {{"classify_issue", {"build", "test"}}}});
  }
  ReviewBook book_;
};

TEST_F(ReviewSessionTest, RecordsEachLabelAndGoesOn) {
  ReviewSession session = this->session();

  const SessionEffect first = session.key('a');
  const SessionEffect second = session.key('e');

  EXPECT_EQ(first.kind, Kind::Record);
  EXPECT_EQ(first.item, 2U);
  EXPECT_EQ(first.label, ReviewLabel::Accept);
  EXPECT_EQ(second.item, 0U);
  EXPECT_EQ(second.label, ReviewLabel::Escalate);
  EXPECT_EQ(session.labelled(), 2U);
}

TEST_F(ReviewSessionTest, ANumberSaysWhichLabelIsRight) {
  ReviewSession session = this->session();

  const SessionEffect answered = session.key('1');
  const SessionEffect another = session.key('2');
  const SessionEffect none = session.key('3');

  EXPECT_EQ(answered.label, ReviewLabel::Accept) << "build is what was answered";
  EXPECT_EQ(answered.value, "build");
  EXPECT_EQ(another.label, ReviewLabel::Escalate);
  EXPECT_EQ(another.value, "test");
  EXPECT_EQ(none.kind, Kind::None) << "the task has two labels";
}

TEST_F(ReviewSessionTest, UndoTakesTheLastLabelBackAndReturnsThere) {
  ReviewSession session = this->session();
  EXPECT_EQ(session.key('a').kind, Kind::Record);
  EXPECT_EQ(session.key('e').kind, Kind::Record);
  EXPECT_EQ(session.key('j').kind, Kind::None);

  const SessionEffect undone = session.key('u');

  EXPECT_EQ(undone.kind, Kind::TakeBack);
  EXPECT_EQ(undone.item, 0U);
  EXPECT_EQ(session.labelled(), 1U);
  EXPECT_EQ(session.key('a').item, 0U);
}

TEST_F(ReviewSessionTest, UndoOfNothingDoesNothing) {
  ReviewSession session = this->session();
  EXPECT_EQ(session.key('u').kind, Kind::None);
}

TEST_F(ReviewSessionTest, ALabelMayBeChangedAndUndoneOnce) {
  ReviewSession session = this->session();
  EXPECT_EQ(session.key('a').kind, Kind::Record);
  EXPECT_EQ(session.key('k').kind, Kind::None);
  EXPECT_EQ(session.key('e').item, 2U);

  EXPECT_EQ(session.key('u').kind, Kind::TakeBack);
  EXPECT_EQ(session.labelled(), 0U);
  EXPECT_EQ(session.key('u').kind, Kind::None);
}

TEST_F(ReviewSessionTest, StopsAtBothEnds) {
  ReviewSession session = this->session();
  EXPECT_EQ(session.key('k').kind, Kind::None);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(session.key('j').kind, Kind::None);

  EXPECT_TRUE(session.at_end());
  EXPECT_EQ(session.key('a').kind, Kind::None);
  EXPECT_THAT(session.screen(Colours::Off, 80), HasSubstr("at its end"));
  EXPECT_EQ(session.key('q').kind, Kind::Quit);
}

TEST_F(ReviewSessionTest, BlindHidesModelConfidenceAndSuspicion) {
  const std::string open = session().screen(Colours::Off, 80);
  const std::string blind = session(Blind::Yes).screen(Colours::Off, 80);

  EXPECT_THAT(open, HasSubstr("suffice-mini, confidence 0.750, threshold 0.700"));
  EXPECT_THAT(open, HasSubstr("near the threshold"));
  EXPECT_THAT(blind, HasSubstr("Build failed"));
  for (const char* hidden : {"suffice-mini", "0.75", "0.70", "near", "event-2"})
    EXPECT_THAT(blind, Not(HasSubstr(hidden)));
}

TEST_F(ReviewSessionTest, WhatStrangersWroteDoesNotSteerTheTerminal) {
  book_.items[2].input.preview =
      "\x1b[2Jgone\r\nnext\xc2\x9b"
      "31m";

  const std::string screen = session().screen(Colours::Off, 80);

  EXPECT_THAT(screen, Not(HasSubstr("\x1b")));
  EXPECT_THAT(screen, Not(HasSubstr("\xc2\x9b")));
  EXPECT_THAT(screen, HasSubstr("[2Jgone"));
}

TEST_F(ReviewSessionTest, HelpGoesAwayWithTheNextKey) {
  ReviewSession session = this->session();
  EXPECT_EQ(session.key('?').kind, Kind::None);
  EXPECT_THAT(session.screen(Colours::Off, 80), HasSubstr("take the last label back"));

  EXPECT_EQ(session.key('?').kind, Kind::None);
  EXPECT_THAT(session.screen(Colours::Off, 80), HasSubstr("1 of 3"));
}

}  // namespace
}  // namespace suffice::lab
