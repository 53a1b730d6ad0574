#pragma once
// Findings: verified citations, grouped by task. The only bytes of a document that a remote model may see.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "workflow/documents/chunks.hpp"
#include "workflow/documents/text_range.hpp"
#include "workflow/patterns/minions/jobs.hpp"
#include "workflow/patterns/minions/limits.hpp"
#include "workflow/patterns/minions/worker_answer.hpp"

namespace suffice::workflow::minions {

/// A citation that stands in the document. What else the worker said (explanation, answer) stays on this machine: it is free text, and
/// nobody can say how much of the document is in it.
struct Finding {
  std::size_t round = 1;
  std::string task;         ///< the task's name
  TextRange range;          ///< in the document
  std::size_t votes = 1;    ///< jobs that cited it or a part of it
  std::string answer;       ///< of the first such job; local only
  std::string explanation;  ///< the same
  bool operator==(const Finding&) const = default;
};

/// What became of a round's jobs. Nothing a worker wrote is dropped without being counted here.
struct MapReport {
  std::size_t jobs = 0;
  std::size_t abstained = 0;
  std::size_t verified = 0;    ///< answers whose citation stands in their chunk
  std::size_t uncited = 0;     ///< answers without a citation
  std::size_t unverified = 0;  ///< citations that do not stand in their chunk
  std::size_t too_long = 0;    ///< citations over citation_bytes_max
  std::size_t retried = 0;     ///< jobs asked a second time
  std::size_t malformed = 0;   ///< jobs whose second answer was malformed too
  std::size_t failed = 0;      ///< jobs whose model gave no answer
  std::size_t left_out = 0;    ///< findings beyond cited_bytes_max, or beyond the frontier's window
  bool operator==(const MapReport&) const = default;
  MapReport& operator+=(const MapReport& other);
};

/// Takes a round's answers one by one, in any order, and keeps what is verified. One thread.
class FindingCollector {
 public:
  /// Everything outlives the collector.
  FindingCollector(std::string_view text, const Chunks& chunks, const JobManifest& manifest, const Limits& limits,
                   std::size_t round);

  /// Counts `answer` and, if its citation stands verbatim in its chunk, keeps it.
  void take(const Job& job, const WorkerAnswer& answer);
  /// A job that no model answered.
  void take_failure() { ++report_.failed, ++report_.jobs; }
  void count_retry() { ++report_.retried; }

  /// The round's findings in the order of tasks and, within a task, of the text: a citation within another of its task is one with
  /// it, their votes added. Independent of the order in which answers came, but for whose words stand beside a finding.
  [[nodiscard]] std::vector<Finding> findings() const;
  [[nodiscard]] const MapReport& report() const { return report_; }

  /// Everything verified, one entry an answer, for a checkpoint; and back. restore() replaces what was taken before.
  [[nodiscard]] std::vector<Finding> raw() const;
  void restore(std::vector<Finding> raw, const MapReport& report);

 private:
  std::string_view text_;
  const Chunks& chunks_;
  const JobManifest& manifest_;
  const Limits& limits_;
  std::size_t round_;
  std::vector<std::vector<Finding>> by_task_;
  MapReport report_;
};

/// Bytes of the document that `findings` show, each counted once.
[[nodiscard]] std::size_t cited_bytes(const std::vector<Finding>& findings);

/// `kept` and of `found` as many as cited_bytes_max allows: those with the most votes first, then in their order. The result has the kept
/// ones first, then the new ones in their order. A finding that `kept` holds already (same task, within its range) adds its votes.
/// Adds the others to `report.left_out`.
[[nodiscard]] std::vector<Finding> keep_within_limit(std::vector<Finding> kept, const std::vector<Finding>& found,
                                                     const Limits& limits, MapReport& report);

}  // namespace suffice::workflow::minions
