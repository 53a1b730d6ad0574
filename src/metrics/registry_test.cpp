#include "metrics/registry.hpp"

#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace suffice::metrics {
namespace {

TEST(Registry, WritesCountersGaugesAndHelpAsPrometheusText) {
  Registry registry;

  registry.counters("suffice_requests_total", "Requests answered.", {"route", "reason"}).with({"local", ""}).add(3);
  registry.gauge("suffice_connections", "Open connections.").set(-1.5);
  registry.gauge_of("suffice_queue", "Waiting events.", [] { return 7.0; });

  EXPECT_EQ(registry.to_prometheus(),
            "# HELP suffice_requests_total Requests answered.\n"
            "# TYPE suffice_requests_total counter\n"
            "suffice_requests_total{route=\"local\",reason=\"\"} 3\n"
            "# HELP suffice_connections Open connections.\n"
            "# TYPE suffice_connections gauge\n"
            "suffice_connections -1.5\n"
            "# HELP suffice_queue Waiting events.\n"
            "# TYPE suffice_queue gauge\n"
            "suffice_queue 7\n");
}

TEST(Registry, AccumulatesHistogramBucketsWithInclusiveBounds) {
  Registry registry;
  const std::vector<double> bounds{0.5, 1.0};
  Histogram& histogram = registry.histograms("t", "h", {"k"}, bounds).with({"v"});

  for (const double value : {0.5, 0.75, 1.0, 2.0}) histogram.observe(value);
  histogram.observe(std::numeric_limits<double>::quiet_NaN());

  EXPECT_EQ(registry.to_prometheus(),
            "# HELP t h\n# TYPE t histogram\n"
            "t_bucket{k=\"v\",le=\"0.5\"} 1\n"
            "t_bucket{k=\"v\",le=\"1\"} 3\n"
            "t_bucket{k=\"v\",le=\"+Inf\"} 4\n"
            "t_sum{k=\"v\"} 4.25\n"
            "t_count{k=\"v\"} 4\n");
}

TEST(Registry, EscapesLabelValuesAndHelp) {
  Registry registry;

  registry.counters("c", "a \"b\" \\ \n", {"k"}).with({"a\"b\\c\nd"}).add();

  EXPECT_EQ(registry.to_prometheus(), "# HELP c a \"b\" \\\\ \\n\n# TYPE c counter\nc{k=\"a\\\"b\\\\c\\nd\"} 1\n");
}

TEST(Registry, NeverWritesBytesThatAreNotUtf8) {
  Registry registry;

  registry.counters("c", "h", {"k"}).with({"a\xff"}).add();

  EXPECT_NE(registry.to_prometheus().find("c{k=\"a?\"} 1\n"), std::string::npos);
}

TEST(Registry, GivesTheSameMetricForTheSameNameAndLabels) {
  Registry registry;

  Counter& first = registry.counters("c", "h", {"k"}).with({"v"});
  Counter& second = registry.counters("c", "h", {"k"}).with({"v"});

  EXPECT_EQ(&first, &second);
}

TEST(Registry, RefusesNamesAndShapesThatWouldBreakThePage) {
  Registry registry;
  registry.counter("taken", "h");

  EXPECT_THROW(registry.counter("0starts_with_a_digit", "h"), std::logic_error);
  EXPECT_THROW(registry.counter("has space", "h"), std::logic_error);
  EXPECT_THROW(registry.counters("c", "h", {"le"}), std::logic_error);
  EXPECT_THROW(registry.gauge("taken", "h"), std::logic_error);
  EXPECT_THROW(registry.counters("taken", "h", {"k"}), std::logic_error);
  EXPECT_THROW(registry.counters("d", "h", {"k"}).with({"a", "b"}), std::logic_error);
}

TEST(Family, FoldsLabelValuesBeyondTheLimitIntoOther) {
  Registry registry;
  auto& family = registry.counters("c", "h", {"k"});
  for (std::size_t i = 0; i < kChildrenMax; ++i) family.with({std::to_string(i)}).add();

  family.with({"one too many"}).add();
  family.with({"two too many"}).add();

  EXPECT_EQ(family.with({"other"}).value(), 2);
  EXPECT_EQ(family.with({"17"}).value(), 1);
}

TEST(Counter, IgnoresNegativeAmounts) {
  Counter counter;

  counter.add(2);
  counter.add(-1);

  EXPECT_EQ(counter.value(), 2);
}

TEST(Counter, LosesNothingUnderConcurrentUse) {
  Registry registry;
  auto& family = registry.counters("c", "h", {"k"});
  Histogram& histogram = registry.histogram("t", "h", overhead_buckets());

  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        family.with({i % 2 == 0 ? "even" : "odd"}).add();
        histogram.observe(std::chrono::microseconds{i});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(family.with({"even"}).value(), 2'000);
  EXPECT_EQ(family.with({"odd"}).value(), 2'000);
  EXPECT_EQ(histogram.count_in(0), 4 * 51U);  // 0 to 50 us
}

TEST(Histogram, RefusesBoundsThatAreNotAscending) {
  const std::vector<double> bounds{1.0, 1.0};

  EXPECT_THROW(Histogram{bounds}, std::logic_error);
}

TEST(Buckets, ShowOverheadInStepsOf50Microseconds) {
  const auto bounds = overhead_buckets();
  ASSERT_GE(bounds.size(), 20U);

  for (std::size_t i = 0; i < 20; ++i) EXPECT_NEAR(bounds[i], 0.00005 * static_cast<double>(i + 1), 1e-9);
}

}  // namespace
}  // namespace suffice::metrics
