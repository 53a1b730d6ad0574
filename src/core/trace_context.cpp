#include "core/trace_context.hpp"

#include <algorithm>

namespace suffice {
namespace {

constexpr std::size_t kTraceIdDigits = 32;
constexpr std::size_t kSpanIdDigits = 16;
constexpr std::size_t kLength = 55;  // of version 00

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) {
  return is_lower_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

void append_hex(std::string& out, std::uint64_t bits) {
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[(bits >> shift) & 0xfU];
}

/// An id of `digits` random hex digits; all 0 means "none" and is never one.
std::string random_id(Random& random, std::size_t digits) {
  std::string id;
  do {
    id.clear();
    while (id.size() < digits) append_hex(id, random.next());
  } while (!is_id(id));
  return id;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view header) {
  if (header.size() < kLength || header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
  const std::string_view version = header.substr(0, 2);
  const std::string_view flags = header.substr(53, 2);
  if (!is_lower_hex(version) || version == "ff" || !is_lower_hex(flags)) return std::nullopt;
  if (version == "00" ? header.size() != kLength : header.size() > kLength && header[kLength] != '-')
    return std::nullopt;
  const std::string_view trace_id = header.substr(3, kTraceIdDigits);
  const std::string_view span_id = header.substr(36, kSpanIdDigits);
  if (!is_id(trace_id) || !is_id(span_id)) return std::nullopt;
  const char last = flags[1];
  const int digit = last <= '9' ? last - '0' : last - 'a' + 10;
  return TraceContext{.trace_id = std::string(trace_id), .span_id = std::string(span_id), .sampled = (digit & 1) != 0};
}

std::string to_traceparent(const TraceContext& context) {
  return "00-" + context.trace_id + "-" + context.span_id + (context.sampled ? "-01" : "-00");
}

TraceContext new_trace(Random& random) {
  return TraceContext{
      .trace_id = random_id(random, kTraceIdDigits), .span_id = random_id(random, kSpanIdDigits), .sampled = true};
}

TraceContext child_of(const TraceContext& parent, Random& random) {
  return TraceContext{
      .trace_id = parent.trace_id, .span_id = random_id(random, kSpanIdDigits), .sampled = parent.sampled};
}

}  // namespace suffice
