#pragma once
// Journal: the checkpoints of one run in one file, from which it goes on after any end, also after SIGKILL.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "workflow/journal_format.hpp"

namespace suffice::workflow {

struct JournalOptions {
  /// Every record is one write(2), which outlives the process; this many records may be lost when the machine stops. 0: synced to the
  /// disk only when the run ends.
  std::size_t sync_every = 0;
  /// Checkpoints that a later one replaces are dropped once they are so many bytes, and more than the rest of the file.
  std::size_t compact_bytes = 1U << 20;
};

/// An append-only file (but for compaction, which replaces it whole). Locked: one process at a time. One thread.
class Journal {
 public:
  /// A new journal, readable by its owner only: it holds the run's texts. IoFailed; InvalidArgument when the file is there already.
  static Result<std::unique_ptr<Journal>> create(const std::filesystem::path& file, const JournalHeader& header,
                                                 JournalOptions options = {});
  /// An existing one. NotFound; InvalidArgument for a file that is no journal, or whose run had not begun; ChainBroken for one that
  /// was altered; Overloaded when another process has it.
  static Result<std::unique_ptr<Journal>> open(const std::filesystem::path& file, JournalOptions options = {});
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  [[nodiscard]] const JournalHeader& header() const { return header_; }
  /// The next record that was there when it was opened; nothing after the last. A record that was cut off at the end is removed. Read
  /// them all before the first append(). ChainBroken, with the record's number, for altered bytes.
  Result<std::optional<JournalRecord>> next();
  /// IoFailed leaves the file as it was before.
  Result<void> append(const JournalRecord& record);
  /// Waits for the disk.
  Result<void> sync();

 private:
  Journal(std::filesystem::path file, int descriptor, JournalOptions options);

  Result<void> read_header();
  /// More bytes behind those in the buffer; false at the end of the file.
  Result<bool> fill();
  Result<void> cut_tail();
  Result<void> write(std::string_view bytes);
  Result<void> compact(std::string_view last);
  [[nodiscard]] std::unexpected<Error> io_failed(std::string_view what) const;

  std::filesystem::path file_;
  int descriptor_ = -1;
  JournalOptions options_;
  JournalHeader header_;
  std::string buffer_;  ///< read and not yet given
  std::size_t at_ = 0;  ///< in the buffer
  std::uint64_t size_ = 0;
  std::uint64_t records_ = 0;
  std::size_t unsynced_ = 0;
  bool read_to_end_ = false;
  /// Where the checkpoints at the end of the file begin, all of one step.
  std::optional<std::uint64_t> checkpoints_at_;
  std::uint64_t checkpoint_step_ = 0;
};

}  // namespace suffice::workflow
