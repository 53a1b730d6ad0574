#pragma once
// The bytes of a run's journal: frames guarded by checksums, and the records in them. No I/O.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/chat.hpp"
#include "core/error.hpp"
#include "core/result.hpp"
#include "workflow/flow.hpp"
#include "workflow/run_ledger.hpp"

namespace suffice::workflow {

/// First bytes of every journal; the number is the format's.
inline constexpr std::string_view kJournalMagic = "suffice-run 1\n";

/// What a journal is of.
struct JournalHeader {
  std::string run_id = {};
  std::string shape = {};         ///< Flow::shape()
  std::string input_sha256 = {};  ///< digest_of() of the run's input
  std::uint64_t seed = 0;
  JsonText about = {};  ///< the caller's own: what it needs to begin the run again (workflow, input, policy)
  bool operator==(const JournalHeader&) const = default;
};

/// One record. What a field means depends on the kind; the others are empty.
struct JournalRecord {
  /// Stored: never renumber.
  enum class Kind : std::uint8_t {
    Answer = 1,      ///< a step ended with `output`
    Failure = 2,     ///< a step ended with `error`, and the run went on without it
    Checkpoint = 3,  ///< a step under way stands at `output.body`
    End = 4,         ///< the run ended, with `error` unless its code is 0
  };
  Kind kind = Kind::Answer;
  std::uint64_t step = 0;
  std::string executor = {};
  std::uint64_t input = 0;  ///< first 8 bytes of the SHA-256 of the step's input
  FlowMessage output = {};
  std::uint16_t error_code = 0;  ///< ErrorCode's number
  std::string error_message = {};
  std::string error_where = {};
  std::vector<std::pair<std::string, JsonText>> state = {};  ///< keys that the step wrote
  std::vector<ModelUse> used = {};                           ///< new totals of the models whose totals have changed
  bool operator==(const JournalRecord&) const = default;
};

/// A frame is: length (4 bytes, little-endian), CRC-32 of these four, the payload, CRC-32 of the payload. The length has a checksum
/// of its own, so that a length that was altered is not taken for a frame that was cut off.
[[nodiscard]] std::string frame(std::string_view payload);

/// What stands at the beginning of some bytes.
struct FoundFrame {
  enum class Kind : std::uint8_t { Whole, Torn, Altered };
  Kind kind = Kind::Torn;
  std::string_view payload = {};  ///< Whole
  std::size_t size = 0;           ///< Whole: bytes of the frame. Torn: how many it takes to tell more
};
[[nodiscard]] FoundFrame find_frame(std::string_view bytes);

[[nodiscard]] std::string encode(const JournalHeader& header);
[[nodiscard]] std::string encode(const JournalRecord& record);
/// ChainBroken when the payload is not one: written by another version, or not by us.
[[nodiscard]] Result<JournalHeader> decode_header(std::string_view payload);
[[nodiscard]] Result<JournalRecord> decode_record(std::string_view payload);

/// SHA-256 of a message, in hex, and its first 8 bytes as a number.
[[nodiscard]] std::string digest_of(const FlowMessage& message);
[[nodiscard]] std::uint64_t short_digest_of(const FlowMessage& message);

}  // namespace suffice::workflow
