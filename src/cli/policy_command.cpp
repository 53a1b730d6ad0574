// suffice policy: what a draft would have decided, and what two policies differ in.

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/fit_commands.hpp"
#include "cli/operate_commands.hpp"
#include "cli/record_source.hpp"
#include "lab/operate/operate_report.hpp"
#include "lab/operate/policy_replay.hpp"
#include "lab/operate/policy_replay_report.hpp"
#include "policy/policy_store.hpp"
#include "policy/problem.hpp"
#include "policy/yaml_document.hpp"
#include "wire/json.hpp"

namespace suffice::cli {
namespace {

namespace json = boost::json;

struct PolicyFlags {
  std::string draft;
  std::string against;
  std::string data;
  std::string since = "7d";
  std::string one;
  std::string other;
  bool json = false;
};

lab::Colours stdout_colours() { return colours(STDOUT_FILENO) ? lab::Colours::On : lab::Colours::Off; }

Result<std::shared_ptr<const policy::Policy>> load(const std::string& file) {
  const policy::Loaded loaded = policy::load_policy(file, policy::process_environment());
  if (loaded.policy == nullptr) return fail(ErrorCode::PolicyInvalid, policy::to_lines(loaded.problems), file);
  return loaded.policy;
}

Result<void> replay_draft(const PolicyFlags& flags) {
  lab::NumbersOptions options;
  options.to = SystemClock().wall_now();
  Result<WallTime> since = lab::parse_since(flags.since, options.to);
  if (!since) return fail(since.error().code, since.error().message, "--since");
  options.from = *since;
  SUFFICE_TRY(const std::shared_ptr<const policy::Policy> draft, load(flags.draft));
  std::shared_ptr<const policy::Policy> current;
  if (!flags.against.empty()) {
    SUFFICE_TRY(current, load(flags.against));
  }
  SUFFICE_TRY(lab::DraftPolicy weighed, lab::DraftPolicy::create(draft, current, options.to));
  SUFFICE_TRY(RecordSource source, open_record_source(flags.data));
  lab::PolicyReplay replay(std::move(weighed), options);
  std::map<std::string, std::int64_t> versions;
  SUFFICE_TRY(const lab::ReadCount read,
              lab::read_events(*source.reader, options.from, [&](const lab::Recorded& recorded) {
                replay.add(recorded);
                if (lab::is_decision(recorded.event)) ++versions[recorded.event.policy_version];
                return !InterruptGuard::interrupted();
              }));
  static_cast<void>(read);
  if (InterruptGuard::interrupted()) return fail(ErrorCode::Cancelled, "stopped before the record was read");
  lab::PolicyReplayReport report = replay.build();
  for (const auto& [version, n] : versions) {
    if (current != nullptr && version != current->version) {
      report.cannot_be_known.push_back(
          fmt::format("{} of the decisions were made under policy {}, not under the one given with --against ({}).", n,
                      version, current->version));
    }
  }
  if (flags.json) {
    fmt::print("{}\n", json::serialize(lab::to_json(report)));
  } else {
    for (const lab::ReportTable& table : lab::tables_of(report))
      fmt::print("{}", lab::text_of(table, stdout_colours()));
  }
  return {};
}

/// Every scalar of a document by its readable path. Short lists of scalars are one value, so that an inserted word is one difference.
void flatten(const json::value& value, const std::string& path, std::map<std::string, std::string>& out) {
  if (const json::object* object = value.if_object()) {
    for (const auto& [key, item] : *object)
      flatten(item, path.empty() ? std::string(key) : path + "." + std::string(key), out);
    return;
  }
  if (const json::array* array = value.if_array(); array != nullptr) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      const json::value& item = (*array)[i];
      if (item.is_structured()) {
        flatten(item, fmt::format("{}[{}]", path, i), out);
      } else {
        out[path + "[]" + wire::to_json_text(item).text] = wire::to_json_text(item).text;
      }
    }
    return;
  }
  out[path] = wire::to_json_text(value).text;
}

Result<std::map<std::string, std::string>> flat_policy(const std::string& file) {
  SUFFICE_TRY(const std::string text, read_input(file));
  std::vector<policy::Problem> problems;
  const policy::YamlDocument document = policy::YamlDocument::parse(text, file, problems);
  if (!problems.empty()) return fail(ErrorCode::PolicyInvalid, policy::to_lines(problems), file);
  std::map<std::string, std::string> flat;
  flatten(document.root(), "", flat);
  return flat;
}

/// "hard_stops.access.words[]\"token\"" is shown as hard_stops.access.words.
std::string shown_path(const std::string& path) { return path.substr(0, path.find("[]")); }

Result<void> diff_policies(const PolicyFlags& flags) {
  SUFFICE_TRY(const auto one, flat_policy(flags.one));
  SUFFICE_TRY(const auto other, flat_policy(flags.other));
  const bool colour = colours(STDOUT_FILENO);
  json::array changes;
  const auto say = [&](const std::string& path, const std::string* before, const std::string* after) {
    changes.push_back(json::object{{"path", shown_path(path)},
                                   {"before", before == nullptr ? json::value(nullptr) : json::value(*before)},
                                   {"after", after == nullptr ? json::value(nullptr) : json::value(*after)}});
    if (flags.json) return;
    if (before != nullptr) fmt::print("{}\n", paint(fmt::format("- {}: {}", shown_path(path), *before), "31", colour));
    if (after != nullptr) fmt::print("{}\n", paint(fmt::format("+ {}: {}", shown_path(path), *after), "32", colour));
  };
  for (const auto& [path, before] : one) {
    const auto after = other.find(path);
    if (after == other.end()) {
      say(path, &before, nullptr);
    } else if (after->second != before) {
      say(path, &before, &after->second);
    }
  }
  for (const auto& [path, after] : other) {
    if (!one.contains(path)) say(path, nullptr, &after);
  }
  if (flags.json) {
    fmt::print("{}\n", json::serialize(changes));
  } else if (changes.empty()) {
    fmt::print("The two policies say the same.\n");
  }
  return {};
}

using Run = Result<void> (*)(const PolicyFlags&);

Exit guarded(const PolicyFlags& flags, Run run) {
  const InterruptGuard guard;
  const Result<void> done = run(flags);
  return done ? Exit::Ok : report(done.error());
}

}  // namespace

void add_policy(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<PolicyFlags>();
  CLI::App* parent = program.add_subcommand("policy", "Compare policies: on the record's decisions, or word by word.");
  parent->require_subcommand(1);
  CLI::App* replay = parent->add_subcommand(
      "replay",
      "What a draft policy would have decided on the recorded decisions. No model is called.\n\n"
      "  suffice policy replay --draft draft.yaml --against policy.yaml --since 7d\n"
      "  suffice policy replay --draft draft.yaml --since 24h --json\n\n"
      "Thresholds, calibrators, certificates, ladders, hard-stop groups, size limits, escalating labels and rollout of the draft are applied\n"
      "to the signals and checks of the record. What cannot be known is listed and bounds the figures.");
  replay->add_option("--draft", flags->draft, "The policy to try")->required();
  replay->add_option("--against", flags->against,
                     "The policy that the record was made under, so that changed checks and hard stops are seen");
  replay->add_option("--since", flags->since, "Decisions since then: 7d, 24h back, or a time in UTC")
      ->capture_default_str();
  replay->add_option("--data", flags->data, "Folder of the record [$XDG_STATE_HOME/suffice]");
  replay->add_flag("--json", flags->json, "One JSON object");
  replay->callback([flags, &chosen] { chosen.run = [flags] { return guarded(*flags, replay_draft); }; });
  CLI::App* diff =
      parent->add_subcommand("diff", "Every value in which two policy files differ; order and comments do not count.");
  diff->add_option("ONE", flags->one, "The earlier policy")->required();
  diff->add_option("OTHER", flags->other, "The later one")->required();
  diff->add_flag("--json", flags->json, "One JSON array");
  diff->callback([flags, &chosen] { chosen.run = [flags] { return guarded(*flags, diff_policies); }; });
}

}  // namespace suffice::cli
