#include "audit/rollups.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace suffice::audit {

std::int64_t LatencyHistogram::bound(std::size_t bucket) {
  if (bucket == 0) return 0;
  return static_cast<std::int64_t>(std::ceil(std::exp2(static_cast<double>(bucket) / 2)));
}

std::size_t LatencyHistogram::bucket_of(std::int64_t latency_us) {
  static const std::array<std::int64_t, kBuckets> kBounds = [] {
    std::array<std::int64_t, kBuckets> bounds{};
    for (std::size_t i = 0; i < kBuckets; ++i) bounds[i] = bound(i);
    return bounds;
  }();
  const auto above = std::ranges::upper_bound(kBounds, std::max<std::int64_t>(latency_us, 0));
  return static_cast<std::size_t>(above - kBounds.begin()) - 1;
}

LatencyHistogram& LatencyHistogram::operator+=(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts[i] += other.counts[i];
  return *this;
}

double LatencyHistogram::quantile(double q) const {
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  if (total == 0) return 0;
  const double rank = std::clamp(q, 0.0, 1.0) * total;
  double before = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here == 0) continue;
    last = i;
    if (before + here >= rank) {
      const auto low = static_cast<double>(bound(i));
      const auto high = static_cast<double>(bound(i + 1));
      return low + (high - low) * (rank - before) / here;
    }
    before += here;
  }
  return static_cast<double>(bound(last + 1));
}

std::string to_text(const LatencyHistogram& histogram) {
  const auto filled = std::ranges::find_if(histogram.counts.rbegin(), histogram.counts.rend(),
                                           [](std::int64_t count) { return count != 0; });
  return fmt::format("{}", fmt::join(histogram.counts.begin(), filled.base(), ","));
}

LatencyHistogram histogram_from(std::string_view text) {
  if (text.starts_with('{')) text.remove_prefix(1);
  LatencyHistogram histogram;
  for (std::int64_t& count : histogram.counts) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (error != std::errc() || !text.starts_with(',')) break;
    text.remove_prefix(1);
  }
  return histogram;
}

std::span<const RollupSum> rollup_sums() noexcept {
  static constexpr std::array<RollupSum, 17> kSums = {{
      {"requests", &RollupSums::requests},
      {"succeeded", &RollupSums::succeeded},
      {"stand_in", &RollupSums::stand_in},
      {"cost_nanodollars", &RollupSums::cost_nanodollars},
      {"local_cost_nanodollars", &RollupSums::local_cost_nanodollars},
      {"counterfactual_nanodollars", &RollupSums::counterfactual_nanodollars},
      {"counterfactual_known", &RollupSums::counterfactual_known},
      {"cost_where_counterfactual_nanodollars", &RollupSums::cost_where_counterfactual_nanodollars},
      {"local_attempts", &RollupSums::local_attempts},
      {"local_accepted", &RollupSums::local_accepted},
      {"hosted_attempts", &RollupSums::hosted_attempts},
      {"hosted_latency_us", &RollupSums::hosted_latency_us},
      {"input_tokens", &RollupSums::input_tokens},
      {"output_tokens", &RollupSums::output_tokens},
      {"hosted_tokens", &RollupSums::hosted_tokens},
      {"latency_us", &RollupSums::latency_us},
      {"overhead_us", &RollupSums::overhead_us},
  }};
  return kSums;
}

void RollupSums::add(const EventFigures& figures) {
  ++requests;
  succeeded += figures.succeeded ? 1 : 0;
  stand_in += figures.stand_in ? 1 : 0;
  cost_nanodollars += figures.cost_nanodollars;
  local_cost_nanodollars += figures.local_cost_nanodollars;
  if (figures.counterfactual_nanodollars) {
    ++counterfactual_known;
    counterfactual_nanodollars += *figures.counterfactual_nanodollars;
    cost_where_counterfactual_nanodollars += figures.cost_nanodollars;
  }
  local_attempts += figures.local_attempts;
  local_accepted += figures.local_accepted;
  hosted_attempts += figures.hosted_attempts;
  hosted_latency_us += figures.hosted_latency_us;
  input_tokens += figures.input_tokens;
  output_tokens += figures.output_tokens;
  hosted_tokens += figures.hosted_tokens;
  latency_us += figures.latency_us;
  overhead_us += figures.overhead_us;
  latency.add(figures.latency_us);
}

RollupSums& RollupSums::operator+=(const RollupSums& other) {
  for (const RollupSum& sum : rollup_sums()) this->*sum.value += other.*sum.value;
  latency += other.latency;
  return *this;
}

std::string hour_of(std::string_view time) {
  constexpr std::string_view kMidnight = "0000-00-00T00:00:00.000Z";
  constexpr std::size_t kHourDigits = 13;
  if (time.empty()) return {};
  std::string hour(time.substr(0, kHourDigits));
  return hour.append(kMidnight.substr(hour.size()));
}

void fold(RollupMap& rows, const StoredEvent& event) {
  if (event.kind != "request") return;
  const std::optional<EventFigures> figures = event.figures ? event.figures : figures_of_json(event.json);
  if (!figures) return;
  RollupKey key{.hour = hour_of(event.time),
                .task = event.task,
                .route = event.route,
                .reason = event.reason,
                .model = figures->model};
  rows[std::move(key)].add(*figures);
}

Result<std::vector<Rollup>> AuditReader::rollups(const TimeRange& range) {
  RollupMap rows;
  const std::string from = hour_of(range.from);
  SUFFICE_TRY_VOID(read(EventFilter{.since = from}, [&](const StoredEvent& event) {
    const std::string hour = hour_of(event.time);
    if (hour >= from && (range.to.empty() || hour < range.to)) fold(rows, event);
    return true;
  }));
  std::vector<Rollup> result;
  for (auto& [key, sums] : rows) result.push_back(Rollup{.key = key, .sums = std::move(sums)});
  return result;
}

Result<std::vector<Rollup>> rollups(AuditReader& reader, const TimeRange& range) { return reader.rollups(range); }

Result<EventPage> events(AuditReader& reader, const EventFilter& filter, std::int64_t cursor, std::int64_t limit) {
  EventFilter page_filter = filter;
  page_filter.newest_first = false;
  page_filter.after_sequence = std::max(filter.after_sequence, cursor);
  page_filter.limit = std::max<std::int64_t>(limit, 1);
  EventPage page{.events = {}, .next = page_filter.after_sequence, .more = false};
  SUFFICE_TRY_VOID(reader.read(page_filter, [&](const StoredEvent& event) {
    page.events.push_back(event);
    page.next = event.sequence;
    return true;
  }));
  page.more = static_cast<std::int64_t>(page.events.size()) == page_filter.limit;
  return page;
}

}  // namespace suffice::audit
