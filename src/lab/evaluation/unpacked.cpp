#include <array>
#include <string>
#include <string_view>

#include <zlib.h>

#include "lab/evaluation/outcomes.hpp"

namespace suffice::lab {
namespace {

constexpr std::size_t kUnpackedMax = 2UL << 30;
constexpr std::size_t kInputMax = 1UL << 30;  // zlib counts its input in 32 bits
constexpr int kGzipOnly = 15 + 16;            // the largest window, a gzip header asked for

class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, kGzipOnly) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  Result<std::string> run(std::string_view bytes) {
    if (!ready_) return fail(ErrorCode::Internal, "zlib does not start");
    if (bytes.size() > kInputMax) return fail(ErrorCode::PayloadTooLarge, "more than 1 GiB of gzip; unpack it first");
    // zlib reads through a pointer to bytes that it does not write.
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    std::string plain;
    std::array<char, 1UL << 16> piece;
    while (true) {
      stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream_.avail_out = static_cast<uInt>(piece.size());
      const int status = inflate(&stream_, Z_NO_FLUSH);
      plain.append(piece.data(), piece.size() - stream_.avail_out);
      if (plain.size() > kUnpackedMax) return fail(ErrorCode::PayloadTooLarge, "more than 2 GiB unpacked");
      if (status == Z_STREAM_END) {
        if (stream_.avail_in == 0) return plain;
        if (inflateReset(&stream_) != Z_OK) return fail(ErrorCode::Internal, "zlib does not start again");
      } else if (status != Z_OK) {
        return fail(ErrorCode::MalformedRequest, "gzip that is cut or altered");
      }
    }
  }

 private:
  z_stream stream_ = {};
  bool ready_ = false;
};

}  // namespace

Result<std::string> unpacked(std::string_view bytes) {
  if (!bytes.starts_with("\x1f\x8b")) return std::string(bytes);
  return Inflater().run(bytes);
}

}  // namespace suffice::lab
