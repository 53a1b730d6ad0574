// What is kept of a build log, and what is left out.

#include "prompts/log_reducer.hpp"

#include <string>

#include <gmock/gmock.h>

#include "core/text.hpp"
#include "prompts/log_lines.hpp"

namespace suffice::prompts {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string times(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

const std::string kDownload =
    "[INFO] Downloading from central: https://repo.example/a.pom\n"
    "[INFO] Downloaded from central: https://repo.example/a.pom (2 kB at 9 kB/s)\n";

/// A Maven log of some 100 kB whose cause stands in the middle.
std::string maven_log() {
  return times(300, kDownload) + times(200, "[INFO] compiling a module\n") +
         "[ERROR] /src/Billing.java:[41,17] cannot find symbol\n"
         "  symbol:   method totalOf(Invoice)\n"
         "  location: class Billing\n" +
         times(400, "[INFO] packing a module\n") +
         "[INFO] BUILD FAILURE\n"
         "[ERROR] Failed to execute goal maven-compiler-plugin:3.8.0:compile: Compilation failure\n"
         "[ERROR] \n"
         "[ERROR] Re-run Maven using the -X switch to enable full debug logging.\n";
}

TEST(ReduceBuildLog, ALogThatFitsIsLeftAlone) {
  const std::string log = "[INFO] Downloading a\nerror: b\n";

  const LogReduction reduction = reduce_build_log(log, 1000);

  EXPECT_EQ(reduction.text, log);
  EXPECT_EQ(reduction.lines, 2U);
  EXPECT_EQ(reduction.lines_kept, 2U);
}

TEST(ReduceBuildLog, KeepsTheFirstErrorWithWhatBelongsToItAndTheEnd) {
  const LogReduction reduction = reduce_build_log(maven_log(), 600);

  EXPECT_THAT(reduction.text, StartsWith("[ERROR] /src/Billing.java:[41,17] cannot find symbol\n"
                                         "  symbol:   method totalOf(Invoice)\n"
                                         "  location: class Billing\n"));
  EXPECT_THAT(reduction.text, EndsWith("[INFO] BUILD FAILURE\n"
                                       "[ERROR] Failed to execute goal maven-compiler-plugin:3.8.0:compile: "
                                       "Compilation failure"));
  EXPECT_THAT(reduction.text, HasSubstr("lines ...]\n"));
  EXPECT_LE(count_code_points(reduction.text), 600U);
}

TEST(ReduceBuildLog, SaysWhatItLeavesOutWithoutQuotingIt) {
  const LogReduction reduction = reduce_build_log(maven_log(), 600);

  EXPECT_EQ(reduction.lines, 1207U);
  EXPECT_EQ(reduction.progress_lines, 602U);
  EXPECT_THAT(reduction.dropped(), StartsWith("1,1"));
  EXPECT_THAT(reduction.dropped(), EndsWith(" of 1,207 lines of the log (602 of progress, 0 repeated errors)"));
  EXPECT_THAT(reduction.dropped(), Not(HasSubstr("Billing")));
}

TEST(ReduceBuildLog, ARepeatedErrorIsShownOnce) {
  const std::string log = times(500, "[ERROR] port 8080 is taken, attempt 7\n") +
                          times(90, "[INFO] a quiet line at the end\n") + "[ERROR] gave up\n" +
                          times(40, "[INFO] a last line\n");

  const LogReduction reduction = reduce_build_log(log, 400);

  EXPECT_EQ(reduction.repeated_errors, 499U);
  EXPECT_EQ(reduction.text.find("port 8080"), reduction.text.rfind("port 8080"));
  EXPECT_THAT(reduction.text, HasSubstr("gave up"));
}

TEST(ReduceBuildLog, WithoutMarkedErrorsItGoesByTheirWords) {
  const std::string log = times(200, "compiling something quietly\n") + "ld: undefined reference to `main'\n" +
                          times(200, "cleaning up behind the build\n");

  EXPECT_THAT(reduce_build_log(log, 300).text, StartsWith("ld: undefined reference to `main'\n[... "));
}

TEST(ReduceBuildLog, AtFullTailShareItIsTheEndWithoutProgress) {
  const std::string log = times(200, "[ERROR] first\n[INFO] some line\n") + times(20, kDownload) + "[INFO] the end\n";

  EXPECT_THAT(reduce_build_log(log, 100, {.tail_share = 1.0}).text, EndsWith("[INFO] some line\n[INFO] the end"));
}

TEST(ReduceBuildLog, TakesBytesOfAnyKind) {
  const std::string binary("PK\x03\x04\xff\xfe\x80", 7);
  const std::string cases[] = {
      times(300, binary),      times(300, binary + "\n"),      std::string(5000, '\0'),
      std::string(5000, '\n'), std::string(5000, '\r'),        times(3000, "\x1b["),
      times(900, "\xc3\xa9"),  times(900, "\xc3\xa9\xf0\x9f"), times(200, "\x1b[31merror\x1b[0m\n")};
  for (const std::string& log : cases) {
    const LogReduction reduction = reduce_build_log(log, 100);
    EXPECT_EQ(first_invalid_utf8(reduction.text), std::nullopt);
    EXPECT_LE(count_code_points(reduction.text), 100U);
    EXPECT_EQ(reduce_build_log(reduction.text, 100).text, reduction.text);
  }
}

TEST(ReduceBuildLog, ALineOfMegabytesKeepsItsTwoEnds) {
  const std::string log = "error: begins here " + std::string(8 << 20, 'x') + " ends here";

  const std::string text = reduce_build_log(log, 2000).text;

  EXPECT_THAT(text, StartsWith("error: begins here"));
  EXPECT_THAT(text, EndsWith("ends here"));
  EXPECT_LE(text.size(), kLineCharsMax);
}

TEST(CleanLogLine, ShowsALineAsATerminalDoes) {
  const struct {
    const char* name;
    std::string line;
    std::string seen;
  } cases[] = {{"colours", "\x1b[1;31merror\x1b[0m: x", "error: x"},
               {"an overwritten bar", " 10 %\r 50 %\r100 % done\r", "100 % done"},
               {"a tab", "\tat Frame", " at Frame"},
               {"control characters", std::string("a\0b\x07", 4), "ab"},
               {"bytes that are no text",
                "a\xff\xfe"
                "b",
                "a??b"},
               {"an open escape", "a\x1b[", "a"}};
  for (const auto& one : cases) EXPECT_EQ(clean_log_line(one.line, 100), one.seen) << one.name;
}

TEST(KindOfLogLine, KnowsProgressErrorsAndWords) {
  const struct {
    const char* line;
    LogLine kind;
  } cases[] = {
      {"[INFO] Downloading from central: x", LogLine::Progress},
      {"2024-05-01T10:00:00.123Z [INFO] Downloaded from central: x", LogLine::Progress},
      {"[INFO] ------------------------", LogLine::Progress},
      {"[INFO] ", LogLine::Progress},
      {"[ERROR] ", LogLine::Progress},
      {"", LogLine::Progress},
      {"[INFO] core ............ SKIPPED", LogLine::Progress},
      {"[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.", LogLine::Progress},
      {"[ERROR] cannot find symbol", LogLine::Error},
      {"2024-05-01 10:00:00,123 [ERROR] cannot find symbol", LogLine::Error},
      {"npm ERR! code E404", LogLine::Error},
      {"error: expected ';'", LogLine::Error},
      {"fatal: not a git repository", LogLine::Error},
      {"src/a.c:3:1: error: expected ';'", LogLine::Failure},
      {"java.lang.IllegalStateException: closed", LogLine::Failure},
      {"FAILED tests/test_a.py::test_b", LogLine::Failure},
      {"make: *** [all] Error 2", LogLine::Failure},
      {"Tests run: 5, Failures: 0, Errors: 0, Skipped: 0", LogLine::Plain},
      {"0 errors, 3 warnings", LogLine::Plain},
      {"[WARNING] a failed download is tried again", LogLine::Plain},
      {"[INFO] BUILD FAILURE", LogLine::Failure},
      {"compiling ErrorHandler", LogLine::Plain},
  };
  for (const auto& one : cases) EXPECT_EQ(kind_of_log_line(one.line), one.kind) << one.line;
}

TEST(ErrorSignature, IsTheSameForLinesThatDifferInNumbersOnly) {
  EXPECT_EQ(error_signature("[ERROR] a.java:[41,17] x"), error_signature("[ERROR] a.java:[9,1234] x"));
  EXPECT_NE(error_signature("[ERROR] a.java:[41,17] x"), error_signature("[ERROR] b.java:[41,17] x"));
}

}  // namespace
}  // namespace suffice::prompts
