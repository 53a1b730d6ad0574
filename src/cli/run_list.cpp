#include "cli/run_list.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/run_session.hpp"
#include "workflow/journal.hpp"

namespace suffice::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using workflow::Journal;
using workflow::JournalRecord;
using workflow::ModelUse;

struct Kept {
  std::string id;
  std::string workflow;
  std::string state;  ///< "answered", "running", "cut off", or an error's name
  std::size_t steps = 0;
  std::vector<JournalRecord> records;  ///< for --show, without checkpoints
  std::map<std::string, ModelUse> used;
};

std::string state_after(const JournalRecord& last) {
  if (last.kind != JournalRecord::Kind::End) return "cut off";
  return last.error_code == 0 ? "answered" : std::string(name(static_cast<ErrorCode>(last.error_code)));
}

Result<Kept> read(const fs::path& file) {
  Kept kept{.id = file.stem().string(), .workflow = {}, .state = "cut off", .records = {}, .used = {}};
  Result<std::unique_ptr<Journal>> journal = Journal::open(file);
  if (!journal && journal.error().code == ErrorCode::Overloaded) {
    kept.state = "running";
    return kept;
  }
  if (!journal) return fail(std::move(journal).error());
  if (const Result<RunPlan> plan = RunPlan::from_json((*journal)->header().about)) kept.workflow = plan->workflow;
  for (;;) {
    SUFFICE_TRY(std::optional<JournalRecord> record, (*journal)->next());
    if (!record) return kept;
    kept.state = state_after(*record);
    for (const ModelUse& use : record->used) kept.used[use.model] = use;
    if (record->kind == JournalRecord::Kind::Checkpoint) continue;
    kept.steps += record->kind == JournalRecord::Kind::End ? 0 : 1;
    kept.records.push_back(*std::move(record));
  }
}

Usd cost_of(const Kept& kept) {
  Usd cost;
  for (const auto& [model, use] : kept.used) cost += use.cost;
  return cost;
}

json::object to_json(const Kept& kept) {
  json::array used;
  for (const auto& [model, use] : kept.used)
    used.push_back(json::object{{"model", model},
                                {"calls", use.calls},
                                {"input_tokens", use.usage.input_tokens},
                                {"output_tokens", use.usage.output_tokens},
                                {"cost_usd", use.cost.dollars()}});
  return {{"run_id", kept.id},   {"workflow", kept.workflow},           {"state", kept.state},
          {"steps", kept.steps}, {"cost_usd", cost_of(kept).dollars()}, {"used", std::move(used)}};
}

}  // namespace

Exit list_runs(const fs::path& data, bool as_json) {
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(data / "runs", none)) {
    if (entry.path().extension() == ".journal") files.push_back(entry.path());
  }
  std::ranges::sort(files);  // UUIDv7 sorts by time
  json::array runs;
  for (const fs::path& file : files) {
    const Result<Kept> kept = read(file);
    if (!kept) {
      fmt::print(stderr, "suffice: {}\n", describe(kept.error()));
      continue;
    }
    if (as_json) {
      runs.push_back(to_json(*kept));
    } else {
      fmt::print("{}  {:<18} {:>6} steps  ${:.6f}  {}\n", kept->id, kept->state, kept->steps, cost_of(*kept).dollars(),
                 kept->workflow);
    }
  }
  if (as_json) fmt::print("{}\n", json::serialize(runs));
  if (!as_json && files.empty()) fmt::print("no runs in {}\n", (data / "runs").string());
  return Exit::Ok;
}

Exit show_run(const fs::path& data, const std::string& run_id, bool as_json) {
  const Result<Kept> kept = read(journal_file(data, run_id));
  if (!kept) return report(kept.error());
  if (as_json) {
    fmt::print("{}\n", json::serialize(to_json(*kept)));
    return Exit::Ok;
  }
  fmt::print("run {}  {}  {}\n", kept->id, kept->workflow, kept->state);
  for (const JournalRecord& record : kept->records) {
    if (record.kind == JournalRecord::Kind::End) continue;
    const std::string end = record.kind == JournalRecord::Kind::Failure
                                ? "failed: " + record.error_message
                                : fmt::format("{}, {} bytes", record.output.type, record.output.body.text.size());
    fmt::print("  step {:<5} {:<24} {}\n", record.step, record.executor, end);
  }
  for (const auto& [model, use] : kept->used)
    fmt::print("  {}: {} calls, {} tokens in, {} out, ${:.6f}\n", model, use.calls, use.usage.input_tokens,
               use.usage.output_tokens, use.cost.dollars());
  return Exit::Ok;
}

}  // namespace suffice::cli
