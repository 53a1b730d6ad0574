#include "workflow/journal_format.hpp"

#include <array>
#include <concepts>
#include <cstring>

#include <zlib.h>

#include "core/hash.hpp"

namespace suffice::workflow {
namespace {

constexpr std::size_t kFrameHead = 8;
constexpr std::size_t kFrameTail = 4;
constexpr std::size_t kPayloadMax = 1UL << 30;

/// CRC-32 as in ISO 3309 and gzip.
std::uint32_t crc_of(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));  // NOLINT: zlib's own type
}

template <std::unsigned_integral Number>
void put(std::string& out, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) out += static_cast<char>(number >> (8 * i) & 0xff);
}

void put(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

void put_signed(std::string& out, std::int64_t number) { put(out, static_cast<std::uint64_t>(number)); }

/// Takes values from the front. Once something is missing, everything after is empty and ok() is false.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : rest_(bytes) {}

  template <std::unsigned_integral Number>
  Number number() {
    if (rest_.size() < sizeof(Number)) return missing<Number>();
    Number value = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      value = static_cast<Number>(value | static_cast<Number>(static_cast<unsigned char>(rest_[i])) << (8 * i));
    }
    rest_.remove_prefix(sizeof(Number));
    return value;
  }
  std::int64_t signed_number() { return static_cast<std::int64_t>(number<std::uint64_t>()); }
  std::string text() {
    const auto size = number<std::uint32_t>();
    if (rest_.size() < size) return missing<std::string>();
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }
  void refuse() { missing<int>(); }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  template <class T>
  T missing() {
    ok_ = false;
    rest_ = {};
    return T{};
  }
  std::string_view rest_;
  bool ok_ = true;
};

void put(std::string& out, const ModelUse& use) {
  put(out, use.model);
  put(out, static_cast<std::uint8_t>((use.local ? 1U : 0U) | (use.stand_in ? 2U : 0U)));
  for (const std::int64_t number : {use.calls, use.failed, use.usage.input_tokens, use.usage.cached_input_tokens,
                                    use.usage.output_tokens, use.usage.reasoning_tokens, use.cost.nanos})
    put_signed(out, number);
}

ModelUse take_use(Taker& from) {
  ModelUse use;
  use.model = from.text();
  const auto flags = from.number<std::uint8_t>();
  if (flags > 3) from.refuse();
  use.local = (flags & 1U) != 0;
  use.stand_in = (flags & 2U) != 0;
  for (std::int64_t* number : {&use.calls, &use.failed, &use.usage.input_tokens, &use.usage.cached_input_tokens,
                               &use.usage.output_tokens, &use.usage.reasoning_tokens, &use.cost.nanos})
    *number = from.signed_number();
  return use;
}

std::unexpected<Error> unreadable() {
  return fail(ErrorCode::ChainBroken, "holds a record that this version does not know");
}

}  // namespace

std::string frame(std::string_view payload) {
  std::string out;
  out.reserve(payload.size() + kFrameHead + kFrameTail);
  put(out, static_cast<std::uint32_t>(payload.size()));
  put(out, crc_of(std::string_view(out)));
  out += payload;
  put(out, crc_of(payload));
  return out;
}

FoundFrame find_frame(std::string_view bytes) {
  using Kind = FoundFrame::Kind;
  if (bytes.size() < kFrameHead) return {.kind = Kind::Torn, .payload = {}, .size = kFrameHead};
  Taker head(bytes.substr(0, kFrameHead));
  const std::size_t length = head.number<std::uint32_t>();
  if (head.number<std::uint32_t>() != crc_of(bytes.substr(0, 4)) || length > kPayloadMax)
    return {.kind = Kind::Altered, .payload = {}};
  const std::size_t size = kFrameHead + length + kFrameTail;
  if (bytes.size() < size) return {.kind = Kind::Torn, .payload = {}, .size = size};
  const std::string_view payload = bytes.substr(kFrameHead, length);
  Taker tail(bytes.substr(kFrameHead + length, kFrameTail));
  if (tail.number<std::uint32_t>() != crc_of(payload)) return {.kind = Kind::Altered, .payload = {}};
  return {.kind = Kind::Whole, .payload = payload, .size = size};
}

std::string encode(const JournalHeader& header) {
  std::string out;
  put(out, header.run_id);
  put(out, header.shape);
  put(out, header.input_sha256);
  put(out, header.seed);
  put(out, header.about.text);
  return out;
}

Result<JournalHeader> decode_header(std::string_view payload) {
  Taker from(payload);
  JournalHeader header;
  header.run_id = from.text();
  header.shape = from.text();
  header.input_sha256 = from.text();
  header.seed = from.number<std::uint64_t>();
  header.about.text = from.text();
  if (!from.done()) return unreadable();
  return header;
}

std::string encode(const JournalRecord& record) {
  std::string out;
  out.reserve(128 + record.executor.size() + record.output.body.text.size());
  put(out, static_cast<std::uint8_t>(record.kind));
  put(out, record.step);
  put(out, record.executor);
  put(out, record.input);
  put(out, record.output.type);
  put(out, record.output.body.text);
  put(out, record.error_code);
  put(out, record.error_message);
  put(out, record.error_where);
  put(out, static_cast<std::uint32_t>(record.state.size()));
  for (const auto& [key, value] : record.state) {
    put(out, key);
    put(out, value.text);
  }
  put(out, static_cast<std::uint32_t>(record.used.size()));
  for (const ModelUse& use : record.used) put(out, use);
  return out;
}

Result<JournalRecord> decode_record(std::string_view payload) {
  Taker from(payload);
  JournalRecord record;
  const auto kind = from.number<std::uint8_t>();
  if (kind < 1 || kind > 4) return unreadable();
  record.kind = static_cast<JournalRecord::Kind>(kind);
  record.step = from.number<std::uint64_t>();
  record.executor = from.text();
  record.input = from.number<std::uint64_t>();
  record.output.type = from.text();
  record.output.body.text = from.text();
  record.error_code = from.number<std::uint16_t>();
  record.error_message = from.text();
  record.error_where = from.text();
  // A count is believed only as far as the bytes go.
  for (auto left = from.number<std::uint32_t>(); left > 0 && from.ok(); --left) {
    std::string key = from.text();
    record.state.emplace_back(std::move(key), JsonText{from.text()});
  }
  for (auto left = from.number<std::uint32_t>(); left > 0 && from.ok(); --left) record.used.push_back(take_use(from));
  if (!from.done()) return unreadable();
  return record;
}

std::string digest_of(const FlowMessage& message) { return sha256_hex(message.type + "\n" + message.body.text); }

std::uint64_t short_digest_of(const FlowMessage& message) {
  const Sha256 digest = sha256(message.type + "\n" + message.body.text);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) number |= static_cast<std::uint64_t>(digest.at(i)) << (8 * i);
  return number;
}

}  // namespace suffice::workflow
