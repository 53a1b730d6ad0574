#include "workflow/patterns/minions/map_jobs.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "wire/json.hpp"
#include "wire/json_fields.hpp"
#include "workflow/parallel.hpp"
#include "workflow/patterns/minions/run_state.hpp"

namespace suffice::workflow::minions {

namespace {

constexpr std::size_t kAttemptsMax = 2;
constexpr std::size_t kBatchLeast = 16;  ///< jobs between two checkpoints

/// What became of one job.
struct JobResult {
  WorkerAnswer answer;
  bool retried = false;
  std::optional<Error> failure;  ///< no model answered
};

bool ends_run(ErrorCode code) {
  return code == ErrorCode::BudgetExhausted || code == ErrorCode::Cancelled || code == ErrorCode::DeadlineExceeded;
}

Task<Result<JobResult>> read_job(const MapWork& work, ChunkWorker& worker, const Job& job, std::size_t number) {
  JobResult result;
  for (std::size_t attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const TextRange& range = work.chunks[job.chunk];
    const ChunkQuestion question{.number = number,
                                 .instruction = work.manifest.tasks[job.task].instruction,
                                 .chunk = range.of(work.text),
                                 .range = range,
                                 .sample = job.sample,
                                 .attempt = attempt};
    result.retried = attempt > 0;
    result.failure.reset();
    Result<WorkerReply> reply = co_await worker.read(question);
    if (!reply) {
      if (ends_run(reply.error().code) || !worker.may_be_asked()) co_return fail(std::move(reply).error());
      result.failure = std::move(reply).error();
      continue;
    }
    result.answer = parse_worker_answer(reply->text, reply->ending);
    if (result.answer.kind != WorkerAnswer::Kind::Malformed) break;
  }
  co_return result;
}

/// The step's checkpoint: how many jobs are done, and what they gave.
JsonText checkpoint_of(std::size_t done, const FindingCollector& collector) {
  RunState partial;
  partial.kept = collector.raw();
  partial.reports = {collector.report()};
  const boost::json::object object{{"done", done}, {"state", partial.json().text}};
  return wire::to_json_text(object);
}

Result<std::size_t> restored(const JsonText& checkpoint, std::size_t document_bytes, FindingCollector& collector) {
  SUFFICE_TRY(const boost::json::value value, wire::parse_json(checkpoint.text));
  const boost::json::object* object = value.if_object();
  const std::int64_t done = object == nullptr ? -1 : wire::integer_or(*object, "done", -1);
  if (done < 0) return fail(ErrorCode::MalformedRequest, "this is no checkpoint of a round", "journal");
  SUFFICE_TRY(RunState partial, RunState::from_json(wire::string_or_empty(*object, "state"), document_bytes));
  if (partial.reports.size() != 1)
    return fail(ErrorCode::MalformedRequest, "this is no checkpoint of a round", "journal");
  collector.restore(std::move(partial.kept), partial.reports.front());
  return static_cast<std::size_t>(done);
}

std::string counts(const MapReport& report, std::size_t jobs) {
  return fmt::format("{} of {} jobs: {} cited, {} abstained, {} refused citations, {} malformed, {} failed",
                     report.jobs, jobs, report.verified, report.abstained,
                     report.uncited + report.unverified + report.too_long, report.malformed, report.failed);
}

/// Jobs [first, last) side by side; their results are taken in order, so that the findings do not depend on who was faster.
Task<Result<void>> read_batch(const MapWork& work, ChunkWorker& worker, std::span<const Job> batch, std::size_t first,
                              FindingCollector& collector, std::optional<Error>& failure) {
  std::vector<workflow::Job<JobResult>> calls;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    calls.emplace_back([&work, &worker, &batch, i, first] { return read_job(work, worker, batch[i], first + i); });
  }
  std::vector<Result<JobResult>> results = co_await parallel(std::move(calls), work.at_once);
  for (const Result<JobResult>& result : results) {
    if (!result) co_return fail(result.error());
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const JobResult& result = *results[i];
    if (result.retried) collector.count_retry();
    if (result.failure) {
      collector.take_failure();
      failure = result.failure;
    } else {
      collector.take(batch[i], result.answer);
    }
  }
  co_return Result<void>{};
}

std::unexpected<Error> nobody_read(const MapReport& report, const std::optional<Error>& failure) {
  if (report.malformed > 0 || !failure) {
    return fail(
        ErrorCode::OutputRejected,
        fmt::format("none of {} jobs had an answer that could be read: this worker cannot do such jobs", report.jobs),
        "map");
  }
  return fail(failure->code, fmt::format("none of {} jobs was answered: {}", report.jobs, failure->message), "map");
}

}  // namespace

Task<Result<MapOutcome>> map_jobs(const MapWork& work, ChunkWorker& worker, FlowRun& run) {
  const Result<std::vector<Job>> expanded = expand_jobs(work.manifest, work.chunks.size(), work.limits);
  if (!expanded) co_return fail(expanded.error());
  const std::span<const Job> jobs = *expanded;
  FindingCollector collector(work.text, work.chunks, work.manifest, work.limits, work.round);
  std::size_t done = 0;
  if (run.last_checkpoint()) {
    Result<std::size_t> from = restored(*run.last_checkpoint(), work.text.size(), collector);
    if (!from) co_return fail(std::move(from).error());
    done = std::min(*from, jobs.size());
  }
  std::optional<Error> failure;
  while (done < jobs.size()) {
    if (run.stopping()) co_return fail(ErrorCode::Cancelled, "the run was stopped between jobs");
    const std::span<const Job> batch =
        jobs.subspan(done, std::min(jobs.size() - done, std::max(kBatchLeast, 4 * work.at_once)));
    Result<void> read = co_await read_batch(work, worker, batch, done, collector, failure);
    if (!read) co_return fail(std::move(read).error());
    done += batch.size();
    Result<void> kept = run.checkpoint(checkpoint_of(done, collector));
    if (!kept) co_return fail(std::move(kept).error());
    run.progress(counts(collector.report(), jobs.size()));
  }
  const MapReport& report = collector.report();
  if (report.jobs > 0 && report.malformed + report.failed == report.jobs) co_return nobody_read(report, failure);
  co_return MapOutcome{.found = collector.findings(), .report = report};
}

}  // namespace suffice::workflow::minions
