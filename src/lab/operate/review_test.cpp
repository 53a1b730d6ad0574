#include "lab/operate/review.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random.hpp"
#include "lab/operate/sample_decisions.hpp"

namespace suffice::lab {
namespace {

using testing::decision;
using ::testing::ElementsAre;
using testing::event_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Made;
using testing::monday;
using testing::quick_decision;
using testing::recorded;

std::string id_of(std::int64_t number) { return event_of({.number = number}).id; }

Recorded about(std::int64_t number, audit::Event::Kind kind, const std::string& label, const std::string& actor = "ana",
               int minute = 0) {
  audit::Event event;
  event.kind = kind;
  event.id = fmt::format("r-{}-{}-{}", number, actor, minute);
  event.time = monday() + std::chrono::hours(100) + std::chrono::minutes(minute);
  event.refers_to = id_of(number);
  event.actor = actor;
  event.label = label;
  event.outcome = "ok";
  if (kind == audit::Event::Kind::Shadow) event.route = Route::Local;
  return recorded(event);
}
Recorded review(std::int64_t number, const std::string& label, const std::string& actor = "ana", int minute = 0) {
  return about(number, audit::Event::Kind::Review, label, actor, minute);
}

ReviewBook book_of(const std::vector<Recorded>& events) {
  ReviewBookBuilder builder(monday(), monday() + std::chrono::hours(168));
  for (const Recorded& event : events) builder.add(event);
  return builder.build();
}

/// `count` answers of one stratum.
std::vector<Recorded> answers(std::int64_t count) {
  std::vector<Recorded> events;
  for (std::int64_t i = 0; i < count; ++i) events.push_back(decision({.number = i, .confidence = 0.99}));
  return events;
}

/// Numbers of the answers in the order of the random sample.
std::vector<std::int64_t> random_order(std::int64_t count) {
  ReviewBook book = book_of(answers(count));
  std::ranges::sort(book.items, {}, &ReviewItem::place);
  std::vector<std::int64_t> order;
  for (const ReviewItem& item : book.items) order.push_back(std::stoll(item.event_id.substr(24)));
  return order;
}

TEST(ReviewBook, HoldsAcceptedLocalAnswersOnly) {
  const ReviewBook book = book_of(
      {decision({.number = 1}), decision({.number = 2, .accepted = false}), decision({.number = 3, .tried = false})});

  ASSERT_EQ(book.items.size(), 1U);
  EXPECT_EQ(book.items[0].event_id, id_of(1));
  EXPECT_EQ(book.items[0].output.preview, "build");
}

TEST(ReviewBook, KeepsEachReviewersLastWord) {
  const ReviewBook book =
      book_of({decision({.number = 1}), review(1, "accept", "ana", 1), review(1, "escalate", "ben", 2),
               review(1, "escalate", "ana", 3), review(1, "", "ben", 4), review(99, "accept")});

  ASSERT_EQ(book.items[0].labels.size(), 1U) << "ben took his back";
  EXPECT_EQ(book.items[0].labels[0].reviewer, "ana");
  EXPECT_EQ(book.items[0].labels[0].label, ReviewLabel::Escalate);
  EXPECT_EQ(book.other_labels, 1);
}

TEST(ReviewBook, ReviewersWhoAreEvenCountAgainstTheAnswer) {
  const ReviewBook even = book_of({decision({.number = 1}), review(1, "accept", "ana"), review(1, "escalate", "ben")});
  const ReviewBook most = book_of(
      {decision({.number = 1}), review(1, "accept", "ana"), review(1, "escalate", "ben"), review(1, "accept", "cy")});

  EXPECT_EQ(even.items[0].verdict(), ReviewLabel::Escalate);
  EXPECT_EQ(most.items[0].verdict(), ReviewLabel::Accept);
}

TEST(ReviewQueue, PutsWhatIsMostLikelyWrongFirst) {
  const ReviewBook book = book_of({
      decision({.number = 1, .confidence = 0.99}),
      decision({.number = 2, .confidence = 0.705}),
      decision({.number = 3, .confidence = 0.76}),
      decision({.number = 4, .confidence = 0.99}),
      decision({.number = 5, .confidence = 0.99, .input = "password=hunter2hunter2 in the log"}),
      decision({.number = 6, .confidence = 0.99}),
      about(4, audit::Event::Kind::Shadow, "differs"),
      about(6, audit::Event::Kind::Feedback, "escalate"),
      about(1, audit::Event::Kind::Shadow, "agrees"),
  });

  std::vector<std::string> ids;
  for (const QueueEntry& entry : review_queue(book, {.reviewer = "ana"}))
    ids.push_back(book.items[entry.item].event_id);

  EXPECT_THAT(ids, ElementsAre(id_of(6), id_of(4), id_of(5), id_of(2), id_of(3), id_of(1)));
  EXPECT_THAT(book.items[1].suspicions, ElementsAre(HasSubstr("near the threshold")));
}

TEST(ReviewQueue, DrawsFromEveryTaskWeekAndBand) {
  std::vector<Recorded> events;
  for (int i = 0; i < 400; ++i) events.push_back(decision({.number = i, .confidence = 0.99}));
  for (int i = 400; i < 403; ++i) events.push_back(decision({.number = i, .task = "rare", .confidence = 0.99}));
  for (int i = 403; i < 420; ++i) events.push_back(decision({.number = i, .confidence = 0.8}));
  const ReviewBook book = book_of(events);

  std::map<std::string, int> drawn;
  for (const QueueEntry& entry : review_queue(book, {.reviewer = "ana", .sample_per_stratum = 4})) {
    EXPECT_TRUE(entry.sampled);
    const ReviewItem& item = book.items[entry.item];
    ++drawn[item.task + " " + std::string(name(band_of(item.confidence, item.threshold)))];
  }

  EXPECT_EQ(drawn,
            (std::map<std::string, int>{{"classify_issue sure", 4}, {"rare sure", 3}, {"classify_issue middle", 4}}));
}

TEST(ReviewQueue, LeavesOutWhatTheReviewerHasLabelledButNotWhatOthersHave) {
  const ReviewBook book = book_of(
      {decision({.number = 1}), decision({.number = 2}), review(1, "accept", "ana"), review(2, "accept", "ben")});

  const std::vector<QueueEntry> queue = review_queue(book, {.reviewer = "ana"});

  ASSERT_EQ(queue.size(), 1U);
  EXPECT_EQ(book.items[queue[0].item].event_id, id_of(2));
}

TEST(DefectRate, OfOneStratumHasTheExactInterval) {
  std::vector<Recorded> events = answers(100);
  const std::vector<std::int64_t> order = random_order(100);
  for (std::size_t i = 0; i < 20; ++i) events.push_back(review(order[i], i < 3 ? "escalate" : "accept"));

  const std::vector<DefectRate> rates = defect_rates(book_of(events));

  ASSERT_EQ(rates.size(), 1U);
  EXPECT_EQ(rates[0].accepted, 100);
  EXPECT_EQ(rates[0].drawn, 20);
  EXPECT_EQ(rates[0].defects, 3);
  EXPECT_DOUBLE_EQ(*rates[0].rate, 0.15);
  EXPECT_EQ(rates[0].interval, learned::clopper_pearson(3, 20));
}

TEST(DefectRate, DoesNotCountDefectsThatWereLookedFor) {
  // Ten defects from the end of the random order, where no sample has come yet: found, and no estimate of anything.
  std::vector<Recorded> events = answers(100);
  const std::vector<std::int64_t> order = random_order(100);
  for (std::size_t i = 90; i < 100; ++i) events.push_back(review(order[i], "escalate"));
  for (std::size_t i = 0; i < 10; ++i) events.push_back(review(order[i], "accept"));

  const DefectRate rate = defect_rates(book_of(events)).at(0);

  EXPECT_EQ(rate.found, 10);
  EXPECT_EQ(rate.labelled, 20);
  EXPECT_EQ(rate.drawn, 10);
  EXPECT_EQ(rate.rate, 0.0);
}

TEST(DefectRate, IsKnownWhenEverythingWasLabelled) {
  std::vector<Recorded> events = answers(8);
  for (int i = 0; i < 8; ++i) events.push_back(review(i, i < 2 ? "escalate" : "accept"));

  const DefectRate rate = defect_rates(book_of(events)).at(0);

  EXPECT_EQ(rate.interval, (learned::Interval{.low = 0.25, .high = 0.25}));
}

TEST(DefectRate, WithoutAnyReviewIsUnknown) {
  const DefectRate rate = defect_rates(book_of(answers(5))).at(0);

  EXPECT_FALSE(rate.rate);
  EXPECT_EQ(rate.interval, (learned::Interval{.low = 0, .high = 1}));
}

TEST(DefectRate, WeightsStrataByTheirSize) {
  // 90 sure answers of which none is wrong, 10 near the threshold that are all wrong: the rate is 0.1, not the half of the labels.
  std::vector<Recorded> events;
  for (int i = 0; i < 90; ++i) events.push_back(decision({.number = i, .confidence = 0.99}));
  for (int i = 90; i < 100; ++i) events.push_back(decision({.number = i, .confidence = 0.71}));
  ReviewBook book = book_of(events);
  std::ranges::sort(book.items, {}, &ReviewItem::place);
  int sure = 0;
  for (const ReviewItem& item : book.items) {
    const bool near = item.confidence < 0.8;
    if (!near && ++sure > 10) continue;
    events.push_back(review(std::stoll(item.event_id.substr(24)), near ? "escalate" : "accept"));
  }

  const DefectRate rate = defect_rates(book_of(events)).at(0);

  EXPECT_DOUBLE_EQ(*rate.rate, 0.1);
  EXPECT_TRUE(rate.interval.contains(0.1));
}

TEST(DefectRate, IntervalCoversTheTruthWhateverWasReviewedFirst) {
  // The reviewer also labels every suspicious answer, which are wrong far more often; the interval must hold all the same.
  SeededRandom random(11);
  int covered = 0;
  constexpr int kWorlds = 40;
  for (int world = 0; world < kWorlds; ++world) {
    std::vector<Recorded> events;
    std::vector<bool> wrong;
    for (int i = 0; i < 200; ++i) {
      const bool near = i % 4 == 0;
      events.push_back(quick_decision({.number = world * 1'000 + i, .confidence = near ? 0.71 : 0.99}));
      wrong.push_back(random.uniform() < (near ? 0.5 : 0.02));
    }
    ReviewBook book;
    {
      ReviewBookBuilder builder(monday(), monday() + std::chrono::hours(10'000));
      for (const Recorded& event : events) builder.add(event);
      book = builder.build();
    }
    for (const QueueEntry& entry : review_queue(book, {.reviewer = "ana", .limit = 1'000, .sample_per_stratum = 30})) {
      ReviewItem& item = book.items[entry.item];
      const std::size_t i = static_cast<std::size_t>(std::stoll(item.event_id.substr(24)) % 1'000);
      item.labels.push_back({.reviewer = "ana", .label = wrong[i] ? ReviewLabel::Escalate : ReviewLabel::Accept});
    }
    // Every week is a stratum of its own here; the truth is that of this world's answers.
    const double truth = static_cast<double>(std::ranges::count(wrong, true)) / 200;
    covered += defect_rates(book).at(0).interval.contains(truth) ? 1 : 0;
  }
  EXPECT_GE(covered, 38) << "of 40 at 95 % or more; the seed is fixed";
}

TEST(Agreement, IsCohensKappa) {
  // Cohen's own kind of table: 45 both accept, 15 and 25 split, 15 both escalate; kappa = (0.6 - 0.54) / 0.46.
  std::vector<Recorded> events = answers(100);
  for (int i = 0; i < 100; ++i) {
    const bool ana = i < 60;
    const bool ben = i < 45 || (i >= 60 && i < 85);
    events.push_back(review(i, ana ? "accept" : "escalate", "ana"));
    events.push_back(review(i, ben ? "accept" : "escalate", "ben"));
  }

  const std::vector<Agreement> found = agreements(book_of(events));

  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].one, "ana");
  EXPECT_EQ(found[0].both, 100);
  EXPECT_EQ(found[0].same, 60);
  EXPECT_NEAR(*found[0].kappa, (0.6 - 0.54) / 0.46, 1e-12);
}

TEST(Agreement, OfTwoWhoAlwaysSayTheSameWordHasNoKappa) {
  std::vector<Recorded> events = answers(3);
  for (int i = 0; i < 3; ++i) {
    events.push_back(review(i, "accept", "ana"));
    events.push_back(review(i, "accept", "ben"));
  }

  const std::vector<Agreement> found = agreements(book_of(events));

  ASSERT_EQ(found.size(), 1U);
  EXPECT_FALSE(found[0].kappa);
  EXPECT_THAT(agreements(book_of(answers(3))), IsEmpty());
}

TEST(Band, SplitsWhatLiesAboveTheThreshold) {
  EXPECT_EQ(band_of(0.7, 0.7), Band::Near);
  EXPECT_EQ(band_of(0.85, 0.7), Band::Middle);
  EXPECT_EQ(band_of(1.0, 0.7), Band::Sure);
  EXPECT_EQ(band_of(1.0, 1.0), Band::Near);
  EXPECT_EQ(band_of(std::nullopt, 0.7), Band::Unscored);
  EXPECT_EQ(band_of(0.9, std::nullopt), Band::Unscored);
}

}  // namespace
}  // namespace suffice::lab
