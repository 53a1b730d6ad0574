// The shipped hard stops on public texts that nothing was fitted or chosen on (the same split as tools/training): what they catch, what they
// stop for nothing, and that a refused login written into a real build log never gets to a local model. Rates are printed.
// SUFFICE_EVIDENCE=full takes every text; without it a part, so that the test is quick.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "gate/judge.hpp"
#include "learned/intervals.hpp"
#include "policy/policy_store.hpp"

namespace suffice::gate {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

/// tools/training/data.py, held_out().
bool held_out(const std::string& group, double share) {
  const Sha256 digest = sha256("suffice-mini split 9\n" + group);
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < 8; ++i) first = first << 8 | digest.at(i);
  return static_cast<double>(first) / 18446744073709551616.0 < share;
}

std::string output_of(const std::string& command) {
  std::string text;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  if (!pipe) return text;
  std::vector<char> buffer(1U << 16);
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    text.append(buffer.data(), got);
  return text;
}

class HardStopData : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("SUFFICE_DATA_DIR");
    if (folder == nullptr || *folder == '\0') GTEST_SKIP() << "SUFFICE_DATA_DIR names no folder with the data sets";
    data_ = folder;
    const char* evidence = std::getenv("SUFFICE_EVIDENCE");
    full_ = evidence != nullptr && std::string_view(evidence) == "full";
    const policy::Loaded loaded =
        policy::load_policy(fs::path(SUFFICE_SOURCE_DIR) / "examples/policy.yaml", policy::process_environment());
    ASSERT_NE(loaded.policy, nullptr) << policy::to_lines(loaded.problems);
    policy_ = *loaded.policy;
  }

  [[nodiscard]] std::vector<json::value> rows(const std::string& file) const {
    std::vector<json::value> found;
    const std::string text = output_of("gzip -dc '" + (data_ / file).string() + "'");
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      if (end > at) found.push_back(json::parse(std::string_view(text).substr(at, end - at)));
      at = end + 1;
    }
    return found;
  }

  [[nodiscard]] std::vector<std::string> advisories() const {
    std::vector<std::string> texts;
    std::set<std::string> seen;
    for (const json::value& row : rows("pypa_advisories/advisories_to_2022.jsonl.gz")) {
      std::string text = json::value_to<std::string>(row.at("details"));
      const std::string package = json::value_to<std::string>(row.at("package"));
      if (text.empty() || !seen.insert(text).second) continue;
      if (held_out("package " + package.substr(0, package.find('-')), 0.15)) texts.push_back(std::move(text));
    }
    return texts;
  }

  [[nodiscard]] std::vector<std::string> tickets() const {
    std::vector<std::string> texts;
    for (const json::value& row : rows("it_tickets/train.jsonl.gz")) {
      std::string text = json::value_to<std::string>(row.at("text"));
      if (!text.empty() && held_out("ticket " + text, 0.10)) texts.push_back(std::move(text));
    }
    return texts;
  }

  struct Log {
    std::string id;
    std::string tail;  ///< its last 2 to 4 kB
  };
  [[nodiscard]] std::vector<Log> logs() const {
    std::vector<Log> found;
    for (const json::value& row : rows("bump_build_failures/index.jsonl.gz")) {
      if (!held_out("project " + json::value_to<std::string>(row.at("project")), 0.23)) continue;
      found.push_back({json::value_to<std::string>(row.at("id")), json::value_to<std::string>(row.at("tail"))});
    }
    return found;
  }

  /// The whole logs of `some`, from one reading of the archive.
  [[nodiscard]] std::vector<std::string> whole_logs(const std::vector<Log>& some) const {
    const fs::path folder = fs::temp_directory_path() / ("suffice_hard_stop_data_" + std::to_string(::getpid()));
    fs::create_directories(folder);
    std::string names;
    for (const Log& log : some) names += " logs/" + log.id + ".log";
    output_of("tar -xJf '" + (data_ / "bump_build_failures/logs.tar.xz").string() + "' -C '" + folder.string() + "'" +
              names);
    std::vector<std::string> texts;
    for (const Log& log : some)
      texts.push_back(output_of("cat '" + (folder / "logs" / (log.id + ".log")).string() + "'"));
    fs::remove_all(folder);
    return texts;
  }

  template <class T>
  [[nodiscard]] std::vector<T> part(std::vector<T> all, std::size_t count) const {
    if (!full_ && all.size() > count) all.resize(count);
    return all;
  }

  /// The rules of one task with only these groups, with or without words and classifier.
  [[nodiscard]] GateRules rules(const std::string& task, const std::vector<std::string>& groups, bool patterns,
                                bool classifier) const {
    policy::Policy policy = policy_;
    for (auto& [name, group] : policy.hard_stops) {
      if (!classifier) group.classifier.reset();
      if (patterns) continue;
      group.words = {"word that no text has"};
      group.phrases.clear();
      group.patterns.clear();
    }
    policy::Task own = policy.tasks.at(task);
    if (!groups.empty()) own.hard_stops = groups;
    own.max_input_chars = 100'000'000;
    Result<GateRules> compiled = compile_rules(policy, own);
    EXPECT_TRUE(compiled.has_value()) << (compiled ? "" : describe(compiled.error()));
    return *std::move(compiled);
  }

  /// How many of `texts` are stopped; printed with the exact interval.
  static std::int64_t stopped(const GateRules& rules, const std::vector<std::string>& texts, const char* what) {
    const auto k = std::ranges::count_if(
        texts, [&](const std::string& text) { return !check_input(rules, text).local_allowed(); });
    const auto n = static_cast<std::int64_t>(texts.size());
    const learned::Interval interval = learned::clopper_pearson(k, n);
    std::printf("  %-34s %5lld of %5lld stopped, %6.2f %% (%.2f to %.2f)\n", what, static_cast<long long>(k),
                static_cast<long long>(n),
                100.0 * static_cast<double>(k) / static_cast<double>(std::max<std::int64_t>(1, n)), 100 * interval.low,
                100 * interval.high);
    return k;
  }

  fs::path data_;
  bool full_ = false;
  policy::Policy policy_;
};

TEST_F(HardStopData, SecurityTextsAreCaughtByPatternsAndClassifierTogether) {
  const std::vector<std::string> texts = advisories();
  ASSERT_GT(texts.size(), 100U);
  struct Case {
    const char* name;
    bool patterns;
    bool classifier;
  };
  std::int64_t both = 0;
  for (const Case& one : {Case{"advisories, patterns", true, false}, Case{"advisories, classifier", false, true},
                          Case{"advisories, both", true, true}}) {
    const std::int64_t k =
        stopped(rules("classify_issue", {"security"}, one.patterns, one.classifier), texts, one.name);
    EXPECT_GE(k, both == 0 ? 0 : 1);
    both = std::max(both, k);
  }
  EXPECT_GE(static_cast<double>(both), 0.95 * static_cast<double>(texts.size()));
}

TEST_F(HardStopData, OrdinaryTextsAreSeldomStoppedByTheClassifier) {
  const std::vector<std::string> ordinary = part(tickets(), 600);
  const std::vector<std::string> builds = whole_logs(part(logs(), 4));
  const GateRules patterns = rules("classify_issue", {"security"}, true, false);
  const GateRules classifier = rules("classify_issue", {"security"}, false, true);
  const GateRules both = rules("classify_issue", {"security"}, true, true);

  stopped(patterns, ordinary, "tickets, patterns");
  const std::int64_t of_tickets = stopped(classifier, ordinary, "tickets, classifier");
  stopped(both, ordinary, "tickets, both");
  stopped(patterns, builds, "whole build logs, patterns");
  const std::int64_t of_logs = stopped(classifier, builds, "whole build logs, classifier");
  stopped(both, builds, "whole build logs, both");

  EXPECT_LE(static_cast<double>(of_tickets), 0.005 * static_cast<double>(ordinary.size()));
  EXPECT_LE(static_cast<double>(of_logs), 0.04 * static_cast<double>(builds.size()));
}

/// Lines that say in the words of a package manager that somebody may not come in.
constexpr std::string_view kRefusals[] = {
    "npm ERR! code E401\nnpm ERR! Incorrect or missing password.",
    "npm ERR! 403 403 Forbidden - GET https://registry.npmjs.org/@corp%2futil",
    "npm error code E403",
    "[ERROR] Failed to execute goal on project core: Could not resolve dependencies: Could not transfer artifact "
    "net.corp:parent:pom:4.2 from/to releases (https://nexus.corp.example/repository/maven): status code: 401, reason phrase: "
    "Unauthorized (401)",
    "[ERROR] Could not transfer artifact net.corp:lib:jar:1.0 from/to central (https://repo.corp.example/maven2): authorization "
    "failed for https://repo.corp.example/maven2/net/corp/lib/1.0/lib-1.0.jar, status: 403 Forbidden",
    "[WARNING] Could not transfer metadata net.corp:lib:2.0-SNAPSHOT/maven-metadata.xml from/to snapshots "
    "(https://repo.corp.example): Authentication failed for https://repo.corp.example 401 Unauthorized",
    "Received status code 401 from server: Unauthorized",
    "> Could not GET 'https://maven.pkg.corp.example/lib/1.0/lib-1.0.pom'. Received status code 403 from server: Forbidden",
    "ERROR: HTTP error 401 while getting https://pypi.corp.example/simple/lib/",
    "ERROR: 403 Client Error: Forbidden for url: https://pypi.corp.example/simple/lib/",
    "WARNING: 401 Error, Credentials not correct for https://pypi.corp.example/simple/lib/",
    "error NU1301: Unable to load the service index for source https://nuget.corp.example/v3/index.json.\n"
    "  Response status code does not indicate success: 401 (Unauthorized).",
    "Error response from daemon: unauthorized: authentication required",
    "denied: requested access to the resource is denied",
    "error pulling image configuration: received unexpected HTTP status: 403 Forbidden",
    "HTTP/1.1 401 Unauthorized",
    "< HTTP/2 403",
    "fatal: unable to access 'https://git.corp.example/lib.git/': The requested URL returned error: 403",
    "error: failed to get 200 response from `https://crates.corp.example`, got 401",
    "go: net.corp/lib@v1.2.0: reading https://proxy.corp.example/lib: 403 Forbidden"};

TEST_F(HardStopData, ARefusedLoginInARealLogIsNeverGivenToALocalModel) {
  const std::vector<Log> all = logs();
  ASSERT_GT(all.size(), 50U);
  const GateRules shipped = rules("classify_issue", {}, true, true);
  std::int64_t planted = 0;
  const auto plant = [&](const std::string& log, std::string_view line, std::size_t place) {
    std::size_t at = log.find('\n', log.size() * place / 4);
    at = at == std::string::npos ? log.size() : at + 1;
    const std::string text = log.substr(0, at) + std::string(line) + "\n" + log.substr(at);
    const Admission admission = check_input(shipped, text);
    ++planted;
    EXPECT_TRUE(std::ranges::find(admission.reasons, Reason::HardStopAccess) != admission.reasons.end()) << line;
  };

  // Ends of logs, every line at varied places; and whole logs, whose size must not hide a line.
  std::size_t turn = 0;
  for (const Log& log : part(all, 12)) {
    for (const std::string_view line : kRefusals) plant(log.tail, line, turn++ % 5);
  }
  for (const std::string& log : whole_logs(part(all, 2))) {
    for (std::size_t i = 0; i < 3U; ++i) plant(log, kRefusals[(turn + i) % std::size(kRefusals)], (turn + i) % 5);
  }

  std::printf("  %lld planted refusals, every one stopped\n", static_cast<long long>(planted));
}

TEST_F(HardStopData, UntouchedLogsAreStoppedAtARateThatIsStated) {
  const std::vector<Log> all = logs();
  const GateRules shipped = rules("classify_issue", {"security", "access", "production", "novel"}, true, true);
  std::vector<std::string> tails;
  for (const Log& log : all) tails.push_back(log.tail);
  const std::int64_t k = stopped(shipped, tails, "ends of logs, all four groups");
  stopped(shipped, whole_logs(part(all, 4)), "whole logs, all four groups");
  EXPECT_LE(static_cast<double>(k), 0.10 * static_cast<double>(tails.size()));
}

}  // namespace
}  // namespace suffice::gate
