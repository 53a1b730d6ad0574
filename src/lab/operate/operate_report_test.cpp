#include "lab/operate/operate_report.hpp"

#include <chrono>
#include <string>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/operate/sample_decisions.hpp"

namespace suffice::lab {
namespace {

using testing::decision;
using ::testing::HasSubstr;
using testing::monday;
using ::testing::Not;

/// Fifty requests over two days, of which every second one escalates.
OperateReport report_of(double local_usd, const std::string& task = "classify_issue") {
  NumbersBuilder builder({.from = monday(), .to = monday() + std::chrono::hours(48)});
  for (int i = 0; i < 50; ++i)
    builder.add(decision({.number = i * 50, .task = task, .accepted = i % 2 == 0, .local_usd = local_usd}));
  return {.record = "audit.sqlite", .numbers = builder.build()};
}

TEST(OperateReport, SaysInWordsThatTheCascadeLosesMoney) {
  const std::string losing = text_of(report_of(0.8), Colours::Off);
  const std::string saving = text_of(report_of(0.1), Colours::Off);

  EXPECT_THAT(losing, HasSubstr("The cascade LOSES money"));
  EXPECT_THAT(losing, HasSubstr("-$15.00"));
  EXPECT_THAT(losing, HasSubstr("-30.0 %"));
  EXPECT_THAT(saving, Not(HasSubstr("LOSES")));
  EXPECT_THAT(saving, HasSubstr("40.0 %"));
}

TEST(OperateReport, HasNoColoursUnlessTheyAreAskedFor) {
  const OperateReport report = report_of(0.1);

  EXPECT_THAT(text_of(report, Colours::Off), Not(HasSubstr("\x1b")));
  EXPECT_THAT(text_of(report, Colours::On), HasSubstr("\x1b[32m"));
}

TEST(OperateReport, DrawsTheShareAsABar) {
  const std::string text = text_of(report_of(0.1), Colours::Off);

  // Half of thirty characters.
  EXPECT_THAT(text, HasSubstr("  ███████████████\n"));
  EXPECT_THAT(text, Not(HasSubstr("  ████████████████\n")));
}

TEST(OperateReport, EscapesTaskNamesOnThePage) {
  const std::string html = html_of(report_of(0.1, "<script>alert(1)</script>"));

  EXPECT_THAT(html, Not(HasSubstr("<script>")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(html, HasSubstr("<svg"));
}

TEST(OperateReport, SaysThatNothingWasDecided) {
  NumbersBuilder builder({.from = monday(), .to = monday() + std::chrono::hours(1)});
  const OperateReport report{.record = "audit.sqlite", .numbers = builder.build()};

  EXPECT_THAT(text_of(report, Colours::Off), HasSubstr("Nothing was decided in this period"));
  EXPECT_THAT(html_of(report), HasSubstr("Nothing was decided in this period"));
}

TEST(OperateReport, SaysHowManyEventsItCouldNotRead) {
  OperateReport report = report_of(0.1);
  report.skipped = 3;

  EXPECT_THAT(text_of(report, Colours::Off), HasSubstr("3 events could not be read"));
}

TEST(OperateReport, GivesTheSameFiguresToPrograms) {
  const boost::json::object root = to_json(report_of(0.8));

  EXPECT_EQ(root.at("total").at("requests").as_int64(), 50);
  EXPECT_DOUBLE_EQ(root.at("total").at("savings").at("saved_usd").as_double(), -15);
  EXPECT_EQ(root.at("tasks").as_array().size(), 1U);
  EXPECT_TRUE(root.at("money").at("idle_hardware_usd").is_null());
}

TEST(Dollars, SayEnoughDigits) {
  EXPECT_EQ(dollars(0.0), "$0");
  EXPECT_EQ(dollars(1.5), "$1.50");
  EXPECT_EQ(dollars(-0.5), "-$0.500");
  EXPECT_EQ(dollars(0.000'123'4), "$0.00012");
  EXPECT_EQ(dollars(12'345'678.4), "$12,345,678");
}

}  // namespace
}  // namespace suffice::lab
