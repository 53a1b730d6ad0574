// MINIONS over real build logs: whether the line that says what failed is among the few bytes that are shown. Prints the figures of
// docs/evidence_patterns.md; skipped without SUFFICE_DATA_DIR/bump_build_failures.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "learned/intervals.hpp"
#include "workflow/patterns/minions/minions_fixture.hpp"
#include "workflow/patterns/minions/span_worker.hpp"

namespace suffice::workflow::minions {
namespace {

namespace fs = std::filesystem;
using namespace test;

constexpr std::size_t kLogs = 40;
/// What Maven writes about the step that failed, and why.
constexpr std::string_view kCause = "Failed to execute goal";

class BuildLogs : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("SUFFICE_DATA_DIR");  // NOLINT(concurrency-mt-unsafe): nothing sets it
    const fs::path archive = fs::path(data == nullptr ? "" : data) / "bump_build_failures" / "logs.tar.xz";
    if (data == nullptr || !fs::exists(archive)) GTEST_SKIP() << "SUFFICE_DATA_DIR has no bump_build_failures";
    std::string pattern = (fs::temp_directory_path() / "suffice-logs-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    const std::string command = fmt::format("tar -xJf '{}' -C '{}'", archive.string(), folder_.string());
    // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c): a fixed program over a test's own data
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  /// Paths by name, the first ones.
  [[nodiscard]] std::vector<fs::path> logs() const {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    files.resize(std::min(files.size(), kLogs));
    return files;
  }
  fs::path folder_;
};

TEST_F(BuildLogs, TheLineThatSaysWhatFailedIsAmongTheLittleThatIsShown) {
  const auto selector = SpanSelector::load(SUFFICE_SOURCE_DIR "/models/suffice-spans/suffice-spans.json");
  ASSERT_TRUE(selector.has_value());
  MinionsSpec spec;
  spec.limits.citation_bytes_max = 1500;
  spec.manifest =
      JobManifest{.tasks = {{.name = "cause", .instruction = "which goal failed to execute, and with which error"}},
                  .chunking = {.unit = Chunking::Unit::Lines, .size = 400, .overlap = 2},
                  .samples = 2};
  const SpanReading reading{
      .selector = std::make_shared<const SpanSelector>(*selector), .share = 0.02, .limits = spec.limits};
  const auto spy = std::make_shared<RemoteSpy>(
      [](const std::string&) -> Result<Completion> { return said(R"({"decision":"answer","answer":null})"); });
  std::int64_t with_cause = 0;
  std::int64_t shown = 0;
  double remote = 0;
  double whole = 0;
  for (const fs::path& file : logs()) {
    std::ifstream in(file, std::ios::binary);
    const std::string log{std::istreambuf_iterator<char>(in), {}};
    if (log.find(kCause) == std::string::npos) continue;
    ++with_cause;
    const Question question{.query = "Why did the build fail?", .document = Document::create("build.log", log).value()};
    const Ran ran = run_minions(spec, span_reader(reading), hosted(spy), question.message());
    ASSERT_TRUE(ran.outcome.has_value()) << describe(ran.outcome.error());
    remote += ran.body.at("remote_tokens").to_number<double>();
    whole += ran.body.at("document_tokens").to_number<double>();
    shown += std::ranges::any_of(ran.body.at("citations").as_array(), [](const boost::json::value& citation) {
      return std::string_view(citation.at("text").as_string()).find(kCause) != std::string_view::npos;
    });
  }
  ASSERT_GT(with_cause, 0);
  const learned::Interval interval = learned::clopper_pearson(shown, with_cause);
  fmt::print(
      "cause shown for {} of {} logs [{:.2f}, {:.2f}]; remote prefill {:.0f} tokens, whole logs {:.0f}: {:.2f} %\n",
      shown, with_cause, interval.low, interval.high, remote, whole, 100 * remote / whole);
  EXPECT_LT(remote, 0.1 * whole);
  EXPECT_GT(2 * shown, with_cause);
}

}  // namespace
}  // namespace suffice::workflow::minions
