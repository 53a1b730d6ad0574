#include "audit/redaction.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "audit/sensitive_patterns.hpp"
#include "core/text.hpp"

namespace suffice::audit {
namespace {

/// Every masked form is recognisable within this many bytes of its start (the longest minimum is a PEM header, 60 bytes; an email
/// address ends within 320, RFC 3696 erratum 1690; a URL's user and password are taken to fit too).
constexpr std::size_t kLookAheadBytes = 512;
/// Text behind this much masked text is not worth reading for a preview.
constexpr std::size_t kReadBytesMax = 16 * 1024;
/// Candidates refused by their validators before the rest of a text is left out.
constexpr int kRefusalsMax = 256;

/// Collects at most `max` code points; a placeholder goes in whole or not at all.
class Preview {
 public:
  explicit Preview(std::size_t max) : left_(max) {}

  void keep(std::string_view text) {
    const std::string_view part = first_code_points(text, left_);
    text_ += part;
    left_ = part.size() < text.size() ? 0 : left_ - count_code_points(part);
  }
  void mask(Sensitive kind) {
    const std::string_view word = name(kind);
    if (word.size() + 2 > left_) {
      left_ = 0;
      return;
    }
    text_.append("[").append(word).append("]");
    left_ -= word.size() + 2;
  }
  [[nodiscard]] bool full() const { return left_ == 0; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::size_t left_;
};

/// Appends text[from, to) with its random-looking tokens masked; gives where it stopped (behind `to` when a token reaches further).
std::size_t keep_masking_tokens(std::string_view text, std::size_t from, std::size_t to, Preview& preview) {
  while (from < to) {
    const auto token = find_random_token(text, from, to);
    if (!token) break;
    preview.keep(text.substr(from, token->begin - from));
    if (!preview.full()) preview.mask(Sensitive::Secret);
    from = token->end;
  }
  if (from < to) preview.keep(text.substr(from, to - from));
  return std::max(from, to);
}

struct Pass {
  std::string preview;
  bool complete = false;  ///< full, or all of the text was read
};

/// Redacts the first `window` bytes of `text`, as far as kLookAheadBytes were seen behind each kept byte.
Pass redact_window(std::string_view text, std::size_t window, std::size_t code_points_max) {
  const bool whole = window >= text.size();
  const std::string_view seen = text.substr(0, window);
  const std::size_t keep_end = whole ? seen.size() : seen.size() - kLookAheadBytes;
  Preview preview(code_points_max);
  int refusals_left = kRefusalsMax;
  std::size_t at = 0;
  while (at < keep_end && !preview.full()) {
    const std::optional<Finding> found = find_sensitive(seen, at, refusals_left);
    if (!found && refusals_left <= 0) return Pass{.preview = preview.take(), .complete = true};
    const std::size_t kept_to = found ? std::min(found->masked.begin, keep_end) : keep_end;
    at = keep_masking_tokens(seen, at, kept_to, preview);
    if (!found || found->masked.begin >= keep_end) break;
    if (at <= found->masked.begin) preview.mask(found->kind);
    at = std::max(at, found->masked.end);
  }
  const bool complete = preview.full() || whole;
  return Pass{.preview = preview.take(), .complete = complete};
}

/// `text` with each byte that is not part of well-formed UTF-8 replaced by U+FFFD; a character cut off at the end goes away.
std::string well_formed(std::string text) {
  if (!first_invalid_utf8(text)) return text;
  std::string fixed;
  std::string_view rest = text;
  while (const auto bad = first_invalid_utf8(rest)) {
    fixed.append(rest.substr(0, *bad)).append("\xef\xbf\xbd");
    rest.remove_prefix(*bad + 1);
  }
  return fixed.append(rest);
}

}  // namespace

std::string_view name(Sensitive kind) noexcept {
  static constexpr std::array<std::string_view, 7> kNames = {"SECRET", "EMAIL", "PHONE", "IP", "CARD", "IBAN", "SSN"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string redacted_preview(std::string_view text, std::size_t code_points_max) {
  // The common case needs the bytes of the preview and the look-ahead; masked text makes room for more.
  std::size_t window = first_code_points(text.substr(0, kReadBytesMax), code_points_max).size() + kLookAheadBytes;
  while (true) {
    Pass pass = redact_window(text, window, code_points_max);
    if (pass.complete || window >= kReadBytesMax) {
      std::string preview = well_formed(std::move(pass.preview));
      return std::string(first_code_points(preview, code_points_max));
    }
    window = std::min(window * 2, kReadBytesMax);
  }
}

}  // namespace suffice::audit
