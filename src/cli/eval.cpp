// suffice eval: suites through the real pipeline; the release gate, with everything that speaks for and against it.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/eval_session.hpp"
#include "cli/models_commands.hpp"
#include "lab/report/report.hpp"
#include "lab/suites/eval_report.hpp"
#include "lab/suites/suite.hpp"
#include "policy/policy_store.hpp"
#include "policy/read_file.hpp"

namespace suffice::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using lab::CaseRun;
using lab::Pass;

/// So many cases show whether the kill switch acts; those that must escalate come first.
constexpr std::size_t kKillSwitchCasesMax = 20;
constexpr std::size_t kReportBytesMax = 256UL << 20;
constexpr std::chrono::milliseconds kDrawInterval{100};
/// Lines of false accepts on a terminal; all are in the report.
constexpr std::size_t kListedMax = 20;

struct EvalFlags {
  std::vector<std::string> suites;
  std::string policy;
  std::string local;
  std::string frontier = "recorded";
  std::string out;
  std::string html;
  std::string against;
  std::string data;
  std::size_t limit = 0;
  std::size_t concurrency = 4;
  bool candidate = false;
  bool resume = false;
  bool json = false;
};

/// A folder that is gone with it.
class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> make() {
    std::string name = (fs::temp_directory_path() / "suffice-eval-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return fail(ErrorCode::IoFailed, "no temporary folder can be made", name);
    std::unique_ptr<TemporaryFolder> folder(new TemporaryFolder);
    folder->path_ = name;
    return folder;
  }
  ~TemporaryFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  TemporaryFolder() = default;
  fs::path path_;
};

/// One line on standard error when that is a terminal, else nothing.
class CaseCounter {
 public:
  CaseCounter(std::string what, std::size_t total) : what_(std::move(what)), total_(total) {}
  ~CaseCounter() {
    if (drawn_) fmt::print(stderr, "\r\x1b[K");
  }
  CaseCounter(const CaseCounter&) = delete;
  CaseCounter& operator=(const CaseCounter&) = delete;

  void add() {
    ++done_;
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || (drawn_ && now - last_ < kDrawInterval)) return;
    constexpr std::size_t kWidth = 24;
    const std::size_t filled = total_ > 0 ? kWidth * done_ / total_ : kWidth;
    fmt::print(stderr, "\r\x1b[K{} [{}{}] {} of {}", what_, std::string(filled, '#'),
               std::string(kWidth - std::min(kWidth, filled), '.'), done_, total_);
    drawn_ = true;
    last_ = now;
  }

 private:
  std::string what_;
  std::size_t total_;
  std::size_t done_ = 0;
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

/// results.jsonl: read once, then one line at a time.
class ResultFile {
 public:
  /// `file` empty: nothing is kept. Without `resume` a file that is there already is an error.
  Result<void> open(const fs::path& file, bool resume) {
    if (file.empty()) return {};
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (fs::exists(file, error) && fs::file_size(file, error) > 0) {
      if (!resume) {
        return fail(ErrorCode::InvalidArgument, "has results already; go on with --resume, or choose another --out",
                    file.string());
      }
      Result<std::string> text = policy::read_file(file, kReportBytesMax);
      if (!text) return fail(ErrorCode::IoFailed, text.error().message, file.string());
      // A line that an interruption cut is written anew.
      text->resize(text->rfind('\n') == std::string::npos ? 0 : text->rfind('\n') + 1);
      fs::resize_file(file, text->size(), error);
      earlier_ = *std::move(text);
    }
    file_ = file;
    out_.open(file, std::ios::binary | std::ios::app);
    if (!out_) return fail(ErrorCode::IoFailed, "cannot be written", file.string());
    return {};
  }

  [[nodiscard]] Result<std::vector<CaseRun>> runs(const std::string& key) const {
    Result<std::vector<CaseRun>> runs = lab::read_runs(earlier_, key);
    if (runs) return runs;
    return fail(ErrorCode::InvalidArgument, runs.error().message, file_.string() + ": " + runs.error().where);
  }

  void add(const CaseRun& run, const std::string& key) {
    if (out_.is_open()) out_ << lab::to_line(run, key) << '\n' << std::flush;
  }
  [[nodiscard]] bool broken() const { return out_.is_open() && !out_.good(); }

 private:
  fs::path file_;
  std::ofstream out_;
  std::string earlier_;
};

Result<std::vector<lab::Suite>> load_suites(const std::vector<std::string>& folders) {
  std::vector<lab::Suite> suites;
  std::vector<policy::Problem> problems;
  for (const std::string& folder : folders) {
    lab::LoadedSuite loaded = lab::load_suite(folder);
    problems.insert(problems.end(), loaded.problems.begin(), loaded.problems.end());
    if (!loaded.suite) continue;
    const bool twice =
        std::ranges::any_of(suites, [&](const lab::Suite& one) { return one.name == loaded.suite->name; });
    if (twice) problems.push_back({folder, 0, 0, "", "another suite has the same folder name; run them apart"});
    suites.push_back(*std::move(loaded.suite));
  }
  if (problems.empty()) return suites;
  return fail(ErrorCode::InvalidArgument, policy::to_lines(problems));
}

/// --policy, else the suites' own when they agree, else the usual.
Result<fs::path> policy_of(const EvalFlags& flags, const std::vector<lab::Suite>& suites) {
  if (!flags.policy.empty()) return policy_file(flags.policy);
  std::set<fs::path> named;
  for (const lab::Suite& suite : suites) {
    std::error_code error;
    if (!suite.policy.empty()) named.insert(fs::weakly_canonical(suite.folder / suite.policy, error));
  }
  if (named.size() > 1) {
    return fail(ErrorCode::InvalidArgument,
                "the suites name different policies; choose one with --policy, or run them apart");
  }
  return named.empty() ? policy_file("") : Result<fs::path>(*named.begin());
}

/// What the results of one suite belong to.
std::string key_of(const lab::Suite& suite, const EvalSession& session, const EvalFlags& flags) {
  return fmt::format("{} {} {} {}", suite.sha256.substr(0, 16), session.policy().version,
                     flags.candidate       ? "(candidate)"
                     : flags.local.empty() ? "-"
                                           : flags.local,
                     flags.frontier);
}

/// Every case in every pass that is not done yet.
std::vector<EvalJob> jobs_of(const lab::Suite& suite, const EvalSession& session, const lab::TaskFacts& facts,
                             const std::vector<CaseRun>& done) {
  std::set<std::pair<Pass, std::string>> have;
  for (const CaseRun& run : done) have.emplace(run.pass, run.id);
  std::vector<EvalJob> jobs;
  const auto add = [&](const lab::SuiteCase& one, Pass pass) {
    if (!have.contains({pass, one.id})) jobs.push_back({.of = &one, .pass = pass});
  };
  for (const lab::SuiteCase& one : suite.cases) {
    for (const Pass pass : session.passes(facts)) add(one, pass);
  }
  std::vector<const lab::SuiteCase*> switched;
  for (const bool must_escalate : {true, false}) {
    for (const lab::SuiteCase& one : suite.cases) {
      if (one.must_escalate == must_escalate && switched.size() < kKillSwitchCasesMax) switched.push_back(&one);
    }
  }
  for (const lab::SuiteCase* one : switched) add(*one, Pass::KillSwitch);
  return jobs;
}

/// What only the policy can say of suites, before any case runs.
Result<void> check_tasks(const std::vector<lab::Suite>& suites, const EvalSession& session) {
  std::vector<policy::Problem> problems;
  for (const lab::Suite& suite : suites) {
    SUFFICE_TRY(const lab::TaskFacts facts, session.facts(suite));
    const std::vector<policy::Problem> own = lab::unknown_labels(suite, facts.labels);
    problems.insert(problems.end(), own.begin(), own.end());
  }
  if (problems.empty()) return {};
  return fail(ErrorCode::InvalidArgument, policy::to_lines(problems));
}

Result<void> check_candidates(const std::vector<lab::Suite>& suites, const EvalSession& session) {
  for (const lab::Suite& suite : suites) {
    if (session.has_candidate(suite.task)) continue;
    return fail(ErrorCode::InvalidArgument, "the task has no candidate; name one in the policy (candidate: MODEL)",
                "tasks." + suite.task);
  }
  return {};
}

Result<lab::SuiteReport> run_suite(const lab::Suite& given, EvalSession& session, ResultFile& results,
                                   const EvalFlags& flags) {
  lab::SuiteReport report;
  report.suite = given;
  if (flags.limit > 0 && flags.limit < given.cases.size()) report.suite.cases.resize(flags.limit);
  const lab::Suite& suite = report.suite;
  SUFFICE_TRY(report.task, session.facts(suite));
  const std::string key = key_of(suite, session, flags);
  SUFFICE_TRY(report.runs, results.runs(key));
  const std::vector<EvalJob> jobs = jobs_of(suite, session, report.task, report.runs);
  std::size_t ran = 0;
  {
    CaseCounter counter(suite.name, jobs.size());
    SUFFICE_TRY_VOID(session.run(
        suite, jobs,
        [&](const CaseRun& run) {
          results.add(run, key);
          report.runs.push_back(run);
          counter.add();
          ++ran;
        },
        [] { return InterruptWatch::interrupted(); }));
  }
  if (results.broken())
    return fail(ErrorCode::IoFailed, "results can no longer be written; is the disk full?", flags.out);
  report.complete = ran == jobs.size();
  report.score = lab::score_suite(suite, report.task, report.runs);
  report.gates = lab::release_gate(suite, report.task, report.score);
  report.policy_version = session.policy().version;
  report.policy_file = fs::path(session.policy().source_path).filename().string();
  report.candidate = flags.candidate;
  report.limited = report.suite.cases.size() < given.cases.size();
  report.local = flags.candidate ? session.policy().tasks.at(suite.task).tiers.front().model : flags.local;
  report.frontier = flags.frontier == "recorded"
                        ? "recorded with the suite (else what it says is right), costs estimated from bytes"
                        : "the models that the policy names";
  return report;
}

void print_gate(const lab::SuiteReport& report) {
  const bool colour = colours(STDOUT_FILENO);
  const bool met = report.complete && lab::all_met(report.gates);
  fmt::print("{}  {}: {} cases, task {}, policy {}\n", paint(met ? "pass" : "FAIL", met ? "32" : "31", colour),
             report.suite.name, report.score.cases, report.suite.task, report.policy_version);
  const std::vector<lab::FalseAccept>& wrong = report.score.wrong;
  for (std::size_t i = 0; i < std::min(wrong.size(), kListedMax); ++i) {
    const lab::FalseAccept& one = wrong[i];
    fmt::print("      {} {} (line {}): answered \"{}\"{}\n", paint("false accept", "31", colour), one.id, one.line,
               one.preview, one.hard_stop ? ", must escalate" : ", right is \"" + one.expected + "\"");
  }
  if (wrong.size() > kListedMax)
    fmt::print("      {} more false accepts: --json or --out\n", wrong.size() - kListedMax);
  for (const lab::GateLine& line : report.gates) {
    const char* ansi = line.state == lab::GateState::Met ? "32" : line.state == lab::GateState::NotMet ? "31" : "33";
    fmt::print("      {:<28} {:<14} {:<44} {}{}\n", line.name, line.wanted, lab::words(line.measured),
               paint(name(line.state), ansi, colour), line.note.empty() ? "" : ": " + line.note);
  }
  fmt::print("      answered locally {}; right in the end {}\n", lab::words(report.score.accepted),
             lab::words(report.score.right));
  for (const lab::Baseline& one : report.score.baselines) {
    fmt::print("      {:<16} right {:>7}  ${:.6f} a case  frontier calls {:>7}\n", one.name,
               lab::percent(one.quality.value_or(0)), one.cost_usd.value_or(0),
               lab::percent(one.strong_calls.value_or(0)));
  }
}

void print_diff(const std::string& suite, const lab::SuiteDiff& diff) {
  fmt::print("      {} since policy {}:\n", suite, diff.earlier_policy);
  for (const lab::SuiteDiff::Figure& one : diff.figures) {
    if (one.before != one.now)
      fmt::print("        {:<28} {} -> {}\n", one.name, lab::percent(one.before), lab::percent(one.now));
  }
  for (const lab::SuiteDiff::Change& one : diff.changes)
    fmt::print("        {}: {} -> {}\n", one.id, one.before, one.now);
}

Result<void> write_text(const fs::path& file, const std::string& text) {
  const std::string part = file.string() + ".part";
  {
    std::ofstream out(part, std::ios::binary | std::ios::trunc);
    out << text;
    if (!out.flush()) return fail(ErrorCode::IoFailed, "cannot be written; does its folder exist?", part);
  }
  if (std::rename(part.c_str(), file.c_str()) != 0)
    return fail(ErrorCode::IoFailed, "cannot be replaced", file.string());
  return {};
}

/// --against: a report.json, or the folder that has one.
Result<std::string> earlier_report(const std::string& given) {
  if (given.empty()) return std::string();
  const fs::path file = fs::is_directory(given) ? fs::path(given) / "report.json" : fs::path(given);
  Result<std::string> text = policy::read_file(file, kReportBytesMax);
  if (text) return text;
  return fail(ErrorCode::InvalidArgument, text.error().message, "--against " + file.string());
}

Result<bool> show(const std::vector<lab::SuiteReport>& reports, const EvalFlags& flags, const std::string& earlier) {
  lab::Report page("Suffice evaluation");
  json::array suites;
  bool all = true;
  for (const lab::SuiteReport& report : reports) {
    std::optional<lab::SuiteDiff> diff;
    if (!earlier.empty()) {
      Result<std::optional<lab::SuiteDiff>> found = lab::diff_with(report, earlier);
      if (!found) return fail(ErrorCode::InvalidArgument, found.error().message, "--against " + flags.against);
      diff = *std::move(found);
    }
    all = all && report.complete && lab::all_met(report.gates);
    json::object own = lab::to_json(report);
    if (diff) own["against"] = lab::to_json(*diff);
    suites.push_back(std::move(own));
    lab::add_to(page, report, diff);
    if (flags.json) continue;
    print_gate(report);
    if (diff) print_diff(report.suite.name, *diff);
  }
  const std::string text =
      json::serialize(json::object{{"format", 1}, {"gate_met", all}, {"suites", std::move(suites)}});
  if (flags.json) fmt::print("{}\n", text);
  if (!flags.out.empty()) {
    SUFFICE_TRY_VOID(write_text(fs::path(flags.out) / "report.json", text + "\n"));
    SUFFICE_TRY_VOID(write_text(fs::path(flags.out) / "report.html", page.html()));
  }
  if (!flags.html.empty()) SUFFICE_TRY_VOID(write_text(flags.html, page.html()));
  return all;
}

Result<bool> eval_all(const EvalFlags& flags) {
  SUFFICE_TRY(const std::vector<lab::Suite> suites, load_suites(flags.suites));
  SUFFICE_TRY(const std::string earlier, earlier_report(flags.against));
  SUFFICE_TRY(const fs::path policy, policy_of(flags, suites));
  ResultFile results;
  SUFFICE_TRY_VOID(results.open(flags.out.empty() ? fs::path() : fs::path(flags.out) / "results.jsonl", flags.resume));
  SUFFICE_TRY(const std::unique_ptr<TemporaryFolder> temporary, TemporaryFolder::make());
  EvalSetup setup{.policy = policy,
                  .data = flags.data.empty() ? temporary->path() : fs::path(flags.data),
                  .local = flags.local,
                  .candidate = flags.candidate,
                  .frontier = flags.frontier == "policy" ? FrontierSource::Policy : FrontierSource::Recorded,
                  .at_once = flags.concurrency};
  SUFFICE_TRY(const std::unique_ptr<EvalSession> session, EvalSession::open(std::move(setup)));
  SUFFICE_TRY_VOID(check_tasks(suites, *session));
  if (flags.candidate) SUFFICE_TRY_VOID(check_candidates(suites, *session));
  const InterruptWatch watch;
  std::vector<lab::SuiteReport> reports;
  for (const lab::Suite& suite : suites) {
    SUFFICE_TRY(lab::SuiteReport report, run_suite(suite, *session, results, flags));
    reports.push_back(std::move(report));
    if (InterruptWatch::interrupted()) {
      return fail(ErrorCode::Cancelled, flags.out.empty() ? "interrupted; with --out DIR a run can be gone on with"
                                                          : "interrupted; the same command with --resume goes on");
    }
  }
  return show(reports, flags, earlier);
}

Exit eval(const EvalFlags& flags) {
  const Result<bool> met = eval_all(flags);
  if (!met) return report(met.error());
  return *met ? Exit::Ok : Exit::GateNotMet;
}

}  // namespace

void add_eval(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* command = program.add_subcommand(
      "eval",
      "Run suites through the real gateway and say whether local answers may be released.\n\n"
      "A suite is a folder with suite.yaml and cases.jsonl (docs/evaluation.md). Each case is sent as the policy says, to\n"
      "the local tier with its gate off, and to the frontier; some with the kill switch on. Frontier answers are the suite's\n"
      "recorded ones unless --frontier policy asks the policy's models, which costs money.\n"
      "  suffice eval examples/suites/classify_issue\n"
      "  suffice eval examples/suites/* --out runs/today\n"
      "  suffice eval suites/tickets --local tickets-v2 --out runs/v2 --against runs/today\n\n"
      "Exit 0 when the release gate is met, 3 when it is not, 2 for a suite, policy or option that cannot be used.");
  command->add_option("SUITE", flags->suites, "Suite folders")->required();
  command->add_option("--policy", flags->policy, "Policy file [the suite's, else examples/policy.yaml]");
  command->add_option("--local", flags->local, "This model of the policy instead of the tasks' own local tiers");
  command
      ->add_flag(
          "--candidate", flags->candidate,
          "The tasks' candidates instead of their local tiers: the report that `suffice levers promote` asks for")
      ->excludes("--local");
  command->add_option("--frontier", flags->frontier, "recorded: the suite's answers; policy: ask the policy's models")
      ->check(CLI::IsMember({"recorded", "policy"}))
      ->capture_default_str();
  command->add_option("--limit", flags->limit, "Only the first N cases of each suite");
  command->add_option("--out", flags->out, "Folder for results.jsonl, report.json and report.html");
  command->add_flag("--resume", flags->resume, "Go on with the results in --out");
  command->add_option("--against", flags->against, "Earlier report.json (or its folder) to compare with");
  command->add_option("--html", flags->html, "Write the page here too");
  command->add_option("--data", flags->data, "Folder that keeps the record of the run [a temporary one]");
  command->add_option("--concurrency", flags->concurrency, "Cases at once")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_flag("--json", flags->json, "The report as one JSON object, no progress");
  command->callback([flags, &chosen] { chosen.run = [flags] { return eval(*flags); }; });
}

}  // namespace suffice::cli
