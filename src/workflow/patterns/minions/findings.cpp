#include "workflow/patterns/minions/findings.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/text.hpp"
#include "workflow/documents/quotes.hpp"
#include "workflow/patterns/minions/json_answer.hpp"

namespace suffice::workflow::minions {

namespace {

bool holds(const TextRange& outer, const TextRange& inner) {
  return outer.begin <= inner.begin && inner.end <= outer.end;
}

std::size_t bytes_of_union(std::vector<TextRange> ranges) {
  std::ranges::sort(ranges, {}, [](const TextRange& range) { return std::pair(range.begin, range.end); });
  std::size_t bytes = 0;
  std::size_t covered = 0;  // all before is counted
  for (const TextRange& range : ranges) {
    const std::size_t begin = std::max(range.begin, covered);
    if (range.end > begin) bytes += range.end - begin;
    covered = std::max(covered, range.end);
  }
  return bytes;
}

std::vector<TextRange> ranges_of(const std::vector<Finding>& findings) {
  std::vector<TextRange> ranges;
  for (const Finding& finding : findings) ranges.push_back(finding.range);
  return ranges;
}

/// One task's findings, each that lies within another joined to it.
std::vector<Finding> joined(std::vector<Finding> findings) {
  // Longer ones first, so that what holds comes before what is held.
  std::ranges::sort(findings, {},
                    [](const Finding& f) { return std::tuple(f.range.begin, ~f.range.end, f.answer, f.explanation); });
  std::vector<Finding> kept;
  for (Finding& finding : findings) {
    const auto outer = std::ranges::find_if(kept, [&](const Finding& k) { return holds(k.range, finding.range); });
    if (outer == kept.end()) {
      kept.push_back(std::move(finding));
    } else {
      outer->votes += finding.votes;
    }
  }
  return kept;
}

}  // namespace

MapReport& MapReport::operator+=(const MapReport& other) {
  jobs += other.jobs;
  abstained += other.abstained;
  verified += other.verified;
  uncited += other.uncited;
  unverified += other.unverified;
  too_long += other.too_long;
  retried += other.retried;
  malformed += other.malformed;
  failed += other.failed;
  left_out += other.left_out;
  return *this;
}

FindingCollector::FindingCollector(std::string_view text, const Chunks& chunks, const JobManifest& manifest,
                                   const Limits& limits, std::size_t round)
    : text_(text),
      chunks_(chunks),
      manifest_(manifest),
      limits_(limits),
      round_(round),
      by_task_(manifest.tasks.size()) {}

void FindingCollector::take(const Job& job, const WorkerAnswer& answer) {
  ++report_.jobs;
  if (answer.kind == WorkerAnswer::Kind::Abstained) {
    ++report_.abstained;
    return;
  }
  if (answer.kind == WorkerAnswer::Kind::Malformed) {
    ++report_.malformed;
    return;
  }
  const TextRange& chunk = chunks_[job.chunk];
  const CheckedQuote quote = check_quote(chunk.of(text_), answer.citation, {.bytes_max = limits_.citation_bytes_max});
  switch (quote.verdict) {
    case QuoteVerdict::Verified:
      break;
    case QuoteVerdict::Empty:
      ++report_.uncited;
      return;
    case QuoteVerdict::TooLong:
      ++report_.too_long;
      return;
    case QuoteVerdict::TooShort:
    case QuoteVerdict::NotFound:
      ++(says_nothing(first_code_points(answer.citation, 64)) ? report_.uncited : report_.unverified);
      return;
  }
  ++report_.verified;
  by_task_[job.task].push_back(
      {.round = round_,
       .task = manifest_.tasks[job.task].name,
       .range = {.begin = chunk.begin + quote.range.begin, .end = chunk.begin + quote.range.end},
       .votes = 1,
       .answer = answer.answer,
       .explanation = answer.explanation});
}

std::vector<Finding> FindingCollector::findings() const {
  std::vector<Finding> all;
  for (const std::vector<Finding>& task : by_task_) {
    std::vector<Finding> one = joined(task);
    std::ranges::move(one, std::back_inserter(all));
  }
  return all;
}

std::vector<Finding> FindingCollector::raw() const {
  std::vector<Finding> all;
  for (const std::vector<Finding>& task : by_task_) all.insert(all.end(), task.begin(), task.end());
  return all;
}

void FindingCollector::restore(std::vector<Finding> raw, const MapReport& report) {
  for (std::vector<Finding>& task : by_task_) task.clear();
  for (Finding& finding : raw) {
    const auto task = std::ranges::find(manifest_.tasks, finding.task, &MapTask::name);
    if (task == manifest_.tasks.end()) continue;
    by_task_[static_cast<std::size_t>(task - manifest_.tasks.begin())].push_back(std::move(finding));
  }
  report_ = report;
}

std::size_t cited_bytes(const std::vector<Finding>& findings) { return bytes_of_union(ranges_of(findings)); }

std::vector<Finding> keep_within_limit(std::vector<Finding> kept, const std::vector<Finding>& found,
                                       const Limits& limits, MapReport& report) {
  std::vector<std::size_t> order(found.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(~found[i].votes, i); });
  std::vector<TextRange> ranges = ranges_of(kept);
  std::vector<std::size_t> chosen;
  for (const std::size_t i : order) {
    const auto known = std::ranges::find_if(
        kept, [&](const Finding& k) { return k.task == found[i].task && holds(k.range, found[i].range); });
    if (known != kept.end()) {
      known->votes += found[i].votes;
      continue;
    }
    ranges.push_back(found[i].range);
    if (bytes_of_union(ranges) > limits.cited_bytes_max) {
      ranges.pop_back();
      ++report.left_out;
    } else {
      chosen.push_back(i);
    }
  }
  std::ranges::sort(chosen);
  for (const std::size_t i : chosen) kept.push_back(found[i]);
  return kept;
}

}  // namespace suffice::workflow::minions
