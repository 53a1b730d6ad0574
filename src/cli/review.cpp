// suffice review: which local answers to look at, what people say of them, and what follows.

#include "lab/operate/review.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>
#include <termios.h>

#include "cli/fit_commands.hpp"
#include "cli/operate_commands.hpp"
#include "cli/record_source.hpp"
#include "cli/review_door.hpp"
#include "core/hash.hpp"
#include "lab/operate/review_report.hpp"
#include "lab/operate/review_session.hpp"
#include "lab/operate/review_suite.hpp"
#include "policy/policy_store.hpp"
#include "policy/problem.hpp"
#include "wire/json.hpp"
#include "wire/json_fields.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;

struct ReviewFlags {
  std::string data;
  std::string admin = "127.0.0.1:8081";
  std::string since = "7d";
  std::string task;
  std::string reviewer;
  std::string policy;
  std::string event;
  std::string label;
  std::string value;
  std::string suite;
  std::string texts;
  std::size_t limit = 50;
  std::size_t sample = 5;
  bool blind = false;
  bool apply = false;
  bool json = false;
};

lab::Colours stdout_colours() { return colours(STDOUT_FILENO) ? lab::Colours::On : lab::Colours::Off; }

std::string reviewer_of(const ReviewFlags& flags) {
  if (!flags.reviewer.empty()) return flags.reviewer;
  const char* user = std::getenv("USER");
  return user != nullptr && *user != '\0' ? user : "";
}

Result<std::string> named_reviewer(const ReviewFlags& flags) {
  std::string reviewer = reviewer_of(flags);
  if (reviewer.empty()) return fail(ErrorCode::InvalidArgument, "say who labels: --reviewer NAME");
  return reviewer;
}

/// The policy named, or nothing when none was named and the usual one is not there.
Result<std::shared_ptr<const policy::Policy>> optional_policy(const std::string& named) {
  const Result<std::filesystem::path> file = policy_file(named);
  if (!file && named.empty()) return nullptr;
  if (!file) return fail(file.error());
  const policy::Loaded loaded = policy::load_policy(*file, policy::process_environment());
  if (loaded.policy == nullptr && !named.empty())
    return fail(ErrorCode::PolicyInvalid, policy::to_lines(loaded.problems), file->string());
  return loaded.policy;
}

Result<lab::ReviewBook> read_book(const ReviewFlags& flags) {
  const WallTime now = SystemClock().wall_now();
  Result<WallTime> since = lab::parse_since(flags.since, now);
  if (!since) return fail(since.error().code, since.error().message, "--since");
  SUFFICE_TRY(RecordSource source, open_record_source(flags.data));
  lab::ReviewBookBuilder builder(*since, now + std::chrono::hours(24));
  SUFFICE_TRY(const lab::ReadCount read, lab::read_events(*source.reader, *since, [&](const lab::Recorded& recorded) {
                builder.add(recorded);
                return !InterruptGuard::interrupted();
              }));
  static_cast<void>(read);
  if (InterruptGuard::interrupted()) return fail(ErrorCode::Cancelled, "stopped before the record was read");
  return builder.build();
}

/// What a reviewer's label is in the record. No label: the earlier one is taken back.
audit::Event review_event(const lab::ReviewItem& item, const std::string& reviewer,
                          std::optional<lab::ReviewLabel> label, const std::string& value) {
  audit::Event event;
  event.kind = audit::Event::Kind::Review;
  event.refers_to = item.event_id;
  event.task = item.task;
  event.actor = reviewer;
  event.policy_version = item.policy_version;
  event.outcome = label ? "ok" : "taken_back";
  if (label) event.label = lab::name(*label);
  event.label_value = value;
  return event;
}

/// Single keys without echo while it lives, when standard input is a terminal.
class RawTerminal {
 public:
  RawTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    // Ctrl-C comes as a key, so that the terminal is put back before the program ends.
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
    active_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  ~RawTerminal() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_{};
  bool active_ = false;
};

std::size_t terminal_width() {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 100;
}

Result<void> apply_effect(const ReviewFlags& flags, const std::string& reviewer, const lab::ReviewBook& book,
                          const lab::SessionEffect& effect) {
  using Kind = lab::SessionEffect::Kind;
  if (effect.kind != Kind::Record && effect.kind != Kind::TakeBack) return {};
  const auto label = effect.kind == Kind::Record ? std::optional(effect.label) : std::nullopt;
  return put_into_record(flags.data, review_event(book.items[effect.item], reviewer, label, effect.value));
}

Result<void> label_by_keys(const ReviewFlags& flags) {
  SUFFICE_TRY(const std::string reviewer, named_reviewer(flags));
  SUFFICE_TRY(const lab::ReviewBook book, read_book(flags));
  SUFFICE_TRY(const std::shared_ptr<const policy::Policy> policy, optional_policy(flags.policy));
  lab::SessionOptions options{.reviewer = reviewer, .blind = flags.blind ? lab::Blind::Yes : lab::Blind::No};
  if (policy != nullptr) {
    for (const auto& [name, task] : policy->tasks) options.labels[name] = task.labels;
  }
  lab::ReviewSession session(
      book,
      lab::review_queue(
          book, {.reviewer = reviewer, .task = flags.task, .limit = flags.limit, .sample_per_stratum = flags.sample}),
      std::move(options));
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  constexpr char kCtrlC = 3;
  constexpr char kCtrlD = 4;
  {
    const RawTerminal raw;
    while (true) {
      if (terminal) fmt::print("\x1b[H\x1b[2J");
      fmt::print("{}", session.screen(stdout_colours(), terminal_width()));
      std::fflush(stdout);
      char pressed = 0;
      if (::read(STDIN_FILENO, &pressed, 1) != 1 || pressed == kCtrlC || pressed == kCtrlD) break;
      if (!terminal && (pressed == '\n' || pressed == '\r')) continue;
      const lab::SessionEffect effect = session.key(pressed);
      if (effect.kind == lab::SessionEffect::Kind::Quit) break;
      SUFFICE_TRY_VOID(apply_effect(flags, reviewer, book, effect));
    }
  }
  fmt::print("{} labelled by {}\n", session.labelled(), reviewer);
  return {};
}

Result<void> list_queue(const ReviewFlags& flags) {
  SUFFICE_TRY(const lab::ReviewBook book, read_book(flags));
  const std::vector<lab::QueueEntry> queue = lab::review_queue(
      book,
      {.reviewer = reviewer_of(flags), .task = flags.task, .limit = flags.limit, .sample_per_stratum = flags.sample});
  if (flags.json) {
    fmt::print("{}\n", json::serialize(lab::queue_json(book, queue)));
  } else {
    fmt::print("{}", lab::text_of(lab::queue_table(book, queue), stdout_colours()));
  }
  return {};
}

/// The one request's event that `id` begins.
Result<lab::Recorded> find_event(audit::AuditReader& reader, const std::string& id) {
  std::vector<lab::Recorded> found;
  audit::EventFilter filter;
  filter.id_or_request_id = id;
  filter.kind = "request";
  SUFFICE_TRY_VOID(reader.read(filter, [&](const audit::StoredEvent& stored) {
    if (Result<lab::Recorded> event = lab::read_event(stored.json)) found.push_back(*std::move(event));
    return found.size() < 2;
  }));
  if (found.empty()) {
    return fail(ErrorCode::NotFound, "no request with that event id or request id; suffice review list shows them", id);
  }
  if (found.size() > 1)
    return fail(ErrorCode::InvalidArgument, "more than one event begins like this; write more of it", id);
  return std::move(found.front());
}

Result<void> label_one(const ReviewFlags& flags) {
  SUFFICE_TRY(const std::string reviewer, named_reviewer(flags));
  const std::optional<lab::ReviewLabel> label = lab::review_label(flags.label);
  lab::ReviewItem item;
  {
    SUFFICE_TRY(RecordSource source, open_record_source(flags.data));
    SUFFICE_TRY(const lab::Recorded found, find_event(*source.reader, flags.event));
    if (!lab::is_local_accept(found.event)) {
      return fail(ErrorCode::InvalidArgument,
                  fmt::format("its answer came from the frontier (route {}); reviews are of accepted local answers",
                              name(found.event.route)),
                  found.event.id);
    }
    item.event_id = found.event.id;
    item.task = found.event.task;
    item.policy_version = found.event.policy_version;
  }
  SUFFICE_TRY_VOID(put_into_record(flags.data, review_event(item, reviewer, label, flags.value)));
  fmt::print("{} {} by {}\n", item.event_id, label ? lab::name(*label) : "taken back", reviewer);
  return {};
}

/// Levers that follow from reviews: certificates withdrawn, thresholds raised.
Result<void> apply_levers(const ReviewFlags& flags, const std::vector<lab::CertificateReview>& certificates) {
  json::object tasks;
  for (const lab::CertificateReview& review : certificates) {
    json::object lever;
    if (review.state.withdrawn) lever["certificate_withdrawn"] = true;
    if (review.state.threshold > review.terms.threshold_certified) lever["min_confidence"] = review.state.threshold;
    if (!lever.empty()) tasks[review.task] = std::move(lever);
  }
  if (tasks.empty()) {
    fmt::print("No lever needs to be pulled.\n");
    return {};
  }
  const std::string change = json::serialize(json::object{{"tasks", tasks}});
  SUFFICE_TRY_VOID(pull_levers(flags.admin, change));
  fmt::print("Levers pulled: {}\n", change);
  return {};
}

Result<void> show_status(const ReviewFlags& flags) {
  SUFFICE_TRY(const lab::ReviewBook book, read_book(flags));
  SUFFICE_TRY(const std::shared_ptr<const policy::Policy> policy, optional_policy(flags.policy));
  lab::ReviewStatus status{.rates = lab::defect_rates(book), .agreements = lab::agreements(book), .certificates = {}};
  if (policy != nullptr) {
    SUFFICE_TRY(status.certificates, lab::review_certificates(book, *policy));
  }
  if (flags.json) {
    fmt::print("{}\n", json::serialize(lab::to_json(status)));
  } else {
    for (const lab::ReportTable& table : lab::tables_of(status))
      fmt::print("{}", lab::text_of(table, stdout_colours()));
  }
  if (flags.apply) return apply_levers(flags, status.certificates);
  return {};
}

/// Lines of JSON with a text in "input" or "text", or plain lines.
Result<lab::TextsByDigest> read_texts(const std::string& file) {
  lab::TextsByDigest texts;
  if (file.empty()) return texts;
  SUFFICE_TRY(const std::string content, read_input(file));
  std::size_t begin = 0;
  while (begin < content.size()) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    std::string line = content.substr(begin, end - begin);
    begin = end + 1;
    if (const Result<json::value> parsed = wire::parse_json(line); parsed && parsed->is_object()) {
      for (const char* member : {"input", "text", "answer", "output"}) {
        const std::string text(wire::string_or_empty(parsed->as_object(), member));
        if (!text.empty()) texts[sha256_hex(text)] = text;
      }
    } else if (!line.empty()) {
      texts[sha256_hex(line)] = line;
    }
  }
  return texts;
}

Result<void> export_labels(const ReviewFlags& flags) {
  if (flags.task.empty()) return fail(ErrorCode::InvalidArgument, "a suite is of one task: --task NAME");
  SUFFICE_TRY(const lab::ReviewBook book, read_book(flags));
  SUFFICE_TRY(const lab::TextsByDigest texts, read_texts(flags.texts));
  const lab::SuiteExport made = lab::export_suite(book, flags.task, texts);
  const std::filesystem::path folder = flags.suite;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return fail(ErrorCode::IoFailed, "cannot make the folder: " + error.message(), folder.string());
  SUFFICE_TRY_VOID(write_whole_file((folder / "suite.yaml").string(), made.yaml));
  SUFFICE_TRY_VOID(write_whole_file((folder / "cases.jsonl").string(), made.cases));
  if (made.missing > 0) SUFFICE_TRY_VOID(write_whole_file((folder / "without_text.jsonl").string(), made.without_text));
  fmt::print("{} cases in {}\n", made.written, folder.string());
  if (made.missing > 0) {
    fmt::print(
        "{} labels are of texts that nobody has here: without_text.jsonl has their digests. Give the texts with --texts FILE.\n",
        made.missing);
  }
  return {};
}

using Run = Result<void> (*)(const ReviewFlags&);

Exit guarded(const ReviewFlags& flags, Run run) {
  const InterruptGuard guard;
  const Result<void> done = run(flags);
  return done ? Exit::Ok : report(done.error());
}

void add_common(CLI::App& command, const std::shared_ptr<ReviewFlags>& flags) {
  command.add_option("--data", flags->data, "Folder of the record [$XDG_STATE_HOME/suffice]");
  command.add_option("--since", flags->since, "Answers since then: 7d, 24h back, or a time in UTC")
      ->capture_default_str();
  command.add_option("--task", flags->task, "Only this task");
}

void add_queue_flags(CLI::App& command, const std::shared_ptr<ReviewFlags>& flags) {
  command.add_option("--reviewer", flags->reviewer, "Who labels [$USER]");
  command.add_option("--limit", flags->limit, "Answers in the queue")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command.add_option("--sample", flags->sample, "Of each week, task and confidence band so many are drawn at random")
      ->check(CLI::Range(0, 10'000))
      ->capture_default_str();
}

CLI::App* add_part(CLI::App& parent, const char* name, const char* about, const std::shared_ptr<ReviewFlags>& flags,
                   Command& chosen, Run run) {
  CLI::App* command = parent.add_subcommand(name, about);
  add_common(*command, flags);
  command->callback([flags, &chosen, run] { chosen.run = [flags, run] { return guarded(*flags, run); }; });
  return command;
}

}  // namespace

void add_review(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<ReviewFlags>();
  CLI::App* parent = program.add_subcommand(
      "review",
      "Look at accepted local answers, most suspicious first, and say whether accepting them was right.\n\n"
      "  suffice review                                          label with single keys (? shows them)\n"
      "  suffice review --blind --reviewer ana                   without model, confidence and suspicion\n"
      "  suffice review list --task classify_issue               the queue\n"
      "  suffice review label 0189a1b2 escalate --reviewer ana   one label, for scripts\n"
      "  suffice review status --policy my-policy.yaml           defect rates, agreement, certificates\n"
      "  suffice review status --apply                           pull the levers that follow from it\n"
      "  suffice review export --task classify_issue --suite reviewed   the labels as a suite\n\n"
      "Labels are events of the record. Defect rates count a random sample alone, never what was looked at because it was suspicious.");
  parent->require_subcommand(0, 1);
  add_common(*parent, flags);
  add_queue_flags(*parent, flags);
  parent->add_flag("--blind", flags->blind, "Hide where an answer came from and how sure the model was");
  parent->add_option("--policy", flags->policy, "Policy whose labels the keys 1 to 9 name");

  CLI::App* list = add_part(*parent, "list", "The queue as a table.", flags, chosen, list_queue);
  add_queue_flags(*list, flags);
  list->add_flag("--json", flags->json, "One JSON object");

  CLI::App* label = add_part(*parent, "label", "Label one answer.", flags, chosen, label_one);
  label->add_option("EVENT", flags->event, "Event id or request id, or the first 6 or more characters of one")
      ->required();
  label->add_option("LABEL", flags->label, "accept, escalate, or undo")
      ->required()
      ->check(CLI::IsMember({"accept", "escalate", "undo"}));
  label->add_option("--value", flags->value, "The right answer, where it is one of the task's labels");
  label->add_option("--reviewer", flags->reviewer, "Who labels [$USER]");

  CLI::App* status = add_part(*parent, "status", "What the labels say.", flags, chosen, show_status);
  status->add_option("--policy", flags->policy, "Policy whose certificates are looked at");
  status->add_option("--admin", flags->admin, "The gateway's admin listener")->capture_default_str();
  status->add_flag("--apply", flags->apply,
                   "Raise thresholds and withdraw certificates of the running gateway as the labels ask");
  status->add_flag("--json", flags->json, "One JSON object");

  CLI::App* exporting =
      add_part(*parent, "export", "The labels as a suite for suffice eval.", flags, chosen, export_labels);
  exporting->add_option("--suite", flags->suite, "Folder to write")->required();
  exporting->add_option("--texts", flags->texts,
                        "Texts that you still have: lines, or JSON Lines with \"input\"; matched by SHA-256");
  parent->callback([flags, parent, &chosen] {
    if (parent->get_subcommands().empty()) chosen.run = [flags] { return guarded(*flags, label_by_keys); };
  });
}

}  // namespace suffice::cli
