#include "workflow/journal.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace suffice::workflow {
namespace {

constexpr std::size_t kReadBytes = 1U << 17;

std::string said(std::string_view what) {
  return fmt::format("{}: {}", what, std::strerror(errno));  // NOLINT(concurrency-mt-unsafe): glibc's is safe
}

/// All of `bytes`, or false with errno.
bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// The first `count` bytes of one file into another.
bool copy_bytes(int from, int to, std::uint64_t count) {
  std::string buffer(std::min<std::uint64_t>(count, kReadBytes), '\0');
  for (std::uint64_t done = 0; done < count;) {
    const std::size_t most = std::min<std::uint64_t>(buffer.size(), count - done);
    const ssize_t got = ::pread(from, buffer.data(), most, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || !write_all(to, std::string_view(buffer).substr(0, static_cast<std::size_t>(got)))) return false;
    done += static_cast<std::uint64_t>(got);
  }
  return true;
}

}  // namespace

Journal::Journal(std::filesystem::path file, int descriptor, JournalOptions options)
    : file_(std::move(file)), descriptor_(descriptor), options_(options) {}

Journal::~Journal() {
  if (unsynced_ > 0) static_cast<void>(sync());
  ::close(descriptor_);
}

std::unexpected<Error> Journal::io_failed(std::string_view what) const {
  return fail(ErrorCode::IoFailed, said(what), file_.string());
}

Result<std::unique_ptr<Journal>> Journal::create(const std::filesystem::path& file, const JournalHeader& header,
                                                 JournalOptions options) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0 && errno == EEXIST)
    return fail(ErrorCode::InvalidArgument, "a run of this name is there already; resume it, or choose another",
                file.string());
  if (descriptor < 0) return fail(ErrorCode::IoFailed, said("cannot be made"), file.string());
  std::unique_ptr<Journal> journal(new Journal(file, descriptor, options));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) return journal->io_failed("cannot be locked");
  journal->header_ = header;
  journal->read_to_end_ = true;
  SUFFICE_TRY_VOID(journal->write(std::string(kJournalMagic) + frame(encode(header))));
  return journal;
}

Result<std::unique_ptr<Journal>> Journal::open(const std::filesystem::path& file, JournalOptions options) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (descriptor < 0 && errno == ENOENT) return fail(ErrorCode::NotFound, "there is no such run", file.string());
  if (descriptor < 0) return fail(ErrorCode::IoFailed, said("cannot be opened"), file.string());
  std::unique_ptr<Journal> journal(new Journal(file, descriptor, options));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    return fail(ErrorCode::Overloaded, "this run is going on in another process", file.string());
  SUFFICE_TRY_VOID(journal->read_header());
  return journal;
}

Result<bool> Journal::fill() {
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kReadBytes);
  ssize_t got = 0;
  do {
    got = ::pread(descriptor_, buffer_.data() + before, kReadBytes, static_cast<off_t>(size_ + before));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return io_failed("cannot be read");
  buffer_.resize(before + static_cast<std::size_t>(got));
  return got > 0;
}

Result<void> Journal::read_header() {
  for (;;) {
    SUFFICE_TRY(const bool more, fill());
    const std::string_view bytes = buffer_;
    const std::string_view magic = bytes.substr(0, kJournalMagic.size());
    if (!kJournalMagic.starts_with(magic)) {
      return fail(ErrorCode::InvalidArgument, "is not the journal of a run of this version", file_.string());
    }
    const FoundFrame found = find_frame(bytes.substr(magic.size()));
    if (found.kind == FoundFrame::Kind::Altered)
      return fail(ErrorCode::ChainBroken, "its first record was altered", file_.string());
    if (found.kind == FoundFrame::Kind::Whole) {
      SUFFICE_TRY(header_, decode_header(found.payload));
      at_ = magic.size() + found.size;
      size_ = at_;
      return {};
    }
    if (!more) return fail(ErrorCode::InvalidArgument, "ends before its run had begun; start it anew", file_.string());
  }
}

Result<std::optional<JournalRecord>> Journal::next() {
  while (!read_to_end_) {
    const FoundFrame found = find_frame(std::string_view(buffer_).substr(at_));
    if (found.kind == FoundFrame::Kind::Altered) {
      return fail(ErrorCode::ChainBroken, fmt::format("record {} was altered", records_ + 1), file_.string());
    }
    if (found.kind == FoundFrame::Kind::Torn) {
      // size_ is where the buffer's unread part begins: fill() reads behind it.
      SUFFICE_TRY(const bool more, fill());
      if (more) continue;
      SUFFICE_TRY_VOID(cut_tail());
      break;
    }
    Result<JournalRecord> record = decode_record(found.payload);
    if (!record) {
      Error error = std::move(record).error();
      error.where = fmt::format("{}: record {}", file_.string(), records_ + 1);
      return fail(std::move(error));
    }
    const bool goes_on =
        record->kind == JournalRecord::Kind::Checkpoint && checkpoints_at_ && checkpoint_step_ == record->step;
    if (record->kind != JournalRecord::Kind::Checkpoint) {
      checkpoints_at_.reset();
    } else if (!goes_on) {
      checkpoints_at_ = size_;
      checkpoint_step_ = record->step;
    }
    at_ += found.size;
    size_ += found.size;
    ++records_;
    return *std::move(record);
  }
  return std::optional<JournalRecord>{};
}

/// What a killed process had begun to write is no record: it goes, so that the next one stands behind a whole one.
Result<void> Journal::cut_tail() {
  read_to_end_ = true;
  const bool torn = at_ < buffer_.size();
  buffer_ = {};
  at_ = 0;
  if (torn && ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) return io_failed("cannot be cut");
  return {};
}

Result<void> Journal::append(const JournalRecord& record) {
  assert(read_to_end_);
  const std::string bytes = frame(encode(record));
  if (record.kind != JournalRecord::Kind::Checkpoint) {
    checkpoints_at_.reset();
  } else if (!checkpoints_at_ || checkpoint_step_ != record.step) {
    checkpoints_at_ = size_;
    checkpoint_step_ = record.step;
  } else if (const std::uint64_t old = size_ - *checkpoints_at_;
             old > options_.compact_bytes && old > *checkpoints_at_) {
    SUFFICE_TRY_VOID(compact(bytes));
    ++records_;
    return {};
  }
  SUFFICE_TRY_VOID(write(bytes));
  ++records_;
  if (++unsynced_ >= options_.sync_every && options_.sync_every > 0) return sync();
  return {};
}

Result<void> Journal::write(std::string_view bytes) {
  if (!write_all(descriptor_, bytes)) {
    const std::unexpected<Error> error = io_failed("cannot be written");
    static_cast<void>(
        ::ftruncate(descriptor_, static_cast<off_t>(size_)));  // half a record must not stand before the next
    return error;
  }
  size_ += bytes.size();
  return {};
}

/// A new file with what stands before the old checkpoints, and the last one, takes this one's place in one step.
Result<void> Journal::compact(std::string_view last) {
  const std::string beside = file_.string() + ".compact";
  const int next = ::open(beside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (next < 0) return io_failed("cannot be compacted");
  const bool whole = ::flock(next, LOCK_EX | LOCK_NB) == 0 && copy_bytes(descriptor_, next, *checkpoints_at_) &&
                     write_all(next, last) && (options_.sync_every == 0 || ::fdatasync(next) == 0) &&
                     ::rename(beside.c_str(), file_.c_str()) == 0;
  if (!whole) {
    const std::unexpected<Error> error = io_failed("cannot be compacted");
    ::close(next);
    ::unlink(beside.c_str());
    return error;
  }
  ::close(std::exchange(descriptor_, next));
  size_ = *checkpoints_at_ + last.size();
  ++unsynced_;
  return {};
}

Result<void> Journal::sync() {
  if (::fdatasync(descriptor_) != 0) return io_failed("cannot be synced");
  unsynced_ = 0;
  return {};
}

}  // namespace suffice::workflow
