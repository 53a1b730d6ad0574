#include "metrics/registry.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <variant>

#include "core/text.hpp"

namespace suffice::metrics {
namespace {

bool is_name(std::string_view name, bool colon_allowed) {
  const auto valid = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colon_allowed && c == ':');
  };
  return !name.empty() && (name.front() < '0' || name.front() > '9') && std::all_of(name.begin(), name.end(), valid);
}

void check_names(std::string_view name, const Registry::Labels& labels) {
  if (!is_name(name, true)) throw std::logic_error("invalid metric name: " + std::string{name});
  for (const std::string& label : labels) {
    const bool reserved = label.starts_with("__") || label == "le";
    if (!is_name(label, false) || reserved) throw std::logic_error("invalid label name: " + label);
  }
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
  }
}

enum class Quotes { Keep, Escape };

void append_escaped(std::string& out, std::string_view text, Quotes quotes) {
  const bool valid_utf8 = !first_invalid_utf8(text);
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes == Quotes::Escape) {
      out += "\\\"";
    } else if (!valid_utf8 && static_cast<unsigned char>(c) >= 0x80) {
      out += '?';  // one bad byte would make the scraper refuse the whole page
    } else {
      out += c;
    }
  }
}

/// `{a="x",b="y"}`, or nothing; `le` is added when it is not empty.
std::string label_block(const std::vector<std::string>& names, const std::vector<std::string>& values,
                        std::string_view le = {}) {
  std::string block;
  for (std::size_t i = 0; i < names.size(); ++i) {
    block += block.empty() ? "{" : ",";
    block += names[i] + "=\"";
    append_escaped(block, values[i], Quotes::Escape);
    block += '"';
  }
  if (!le.empty()) block.append(block.empty() ? "{" : ",").append("le=\"").append(le).append("\"");
  if (!block.empty()) block += '}';
  return block;
}

void append_sample(std::string& out, std::string_view name, std::string_view labels, double value) {
  out.append(name).append(labels).append(" ");
  append_number(out, value);
  out += '\n';
}

void append_histogram(std::string& out, const std::string& name, const std::vector<std::string>& names,
                      const std::vector<std::string>& values, const Histogram& histogram) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) {
    total += histogram.count_in(i);
    std::string bound = "+Inf";
    if (i < histogram.bounds().size()) {
      bound.clear();
      append_number(bound, histogram.bounds()[i]);
    }
    append_sample(out, name + "_bucket", label_block(names, values, bound), static_cast<double>(total));
  }
  append_sample(out, name + "_sum", label_block(names, values), histogram.sum());
  // From the same reads as the buckets, so that the page agrees with itself while others count on.
  append_sample(out, name + "_count", label_block(names, values), static_cast<double>(total));
}

}  // namespace

template <class Metric>
Metric& Family<Metric>::with(std::span<const std::string_view> label_values) {
  if (label_values.size() != label_names_.size()) throw std::logic_error("wrong number of label values");
  const std::lock_guard lock(mutex_);
  if (const auto found = children_.find(label_values); found != children_.end()) return *found->second;
  std::vector<std::string> key(label_values.begin(), label_values.end());
  if (children_.size() >= kChildrenMax) key.assign(label_names_.size(), "other");
  std::unique_ptr<Metric>& child = children_[std::move(key)];
  if (!child) child = make_();
  return *child;
}

template <class Metric>
void Family<Metric>::for_each(const std::function<void(const std::vector<std::string>&, const Metric&)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [values, child] : children_) visit(values, *child);
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

struct Registry::Entry {
  using Counters = std::unique_ptr<Family<Counter>>;
  using Gauges = std::unique_ptr<Family<Gauge>>;
  using Histograms = std::unique_ptr<Family<Histogram>>;
  using Callback = std::function<double()>;

  std::string name;
  std::string help;
  std::variant<Counters, Gauges, Histograms, Callback> content;

  void append_to(std::string& out) const;
};

/// By the index of Entry::content.
constexpr std::string_view kTypeNames[] = {"counter", "gauge", "histogram", "gauge"};

void Registry::Entry::append_to(std::string& out) const {
  out.append("# HELP ").append(name).append(" ");
  append_escaped(out, help, Quotes::Keep);
  out.append("\n# TYPE ").append(name).append(" ").append(kTypeNames[content.index()]).append("\n");
  if (const auto* read = std::get_if<Callback>(&content)) return append_sample(out, name, {}, (*read)());
  if (const auto* histograms = std::get_if<Histograms>(&content)) {
    const auto& names = (*histograms)->label_names();
    return (*histograms)->for_each([&](const auto& values, const Histogram& child) {
      append_histogram(out, name, names, values, child);
    });
  }
  const auto append_values = [&](const auto& family) {
    family.for_each([&](const auto& values, const auto& child) {
      append_sample(out, name, label_block(family.label_names(), values), child.value());
    });
  };
  if (const auto* counters = std::get_if<Counters>(&content)) append_values(**counters);
  if (const auto* gauges = std::get_if<Gauges>(&content)) append_values(**gauges);
}

Registry::Registry() = default;
Registry::~Registry() = default;

Registry::Entry* Registry::find(std::string_view name) {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry->name == name; });
  return found == entries_.end() ? nullptr : found->get();
}

template <class Metric>
Family<Metric>& Registry::family(std::string name, std::string help, Labels label_names,
                                 typename Family<Metric>::Make make) {
  check_names(name, label_names);
  const std::lock_guard lock(mutex_);
  if (Entry* existing = find(name)) {
    const auto* same = std::get_if<std::unique_ptr<Family<Metric>>>(&existing->content);
    if (same == nullptr || (*same)->label_names() != label_names) {
      throw std::logic_error("metric registered twice with different kinds or labels: " + name);
    }
    return **same;
  }
  auto created = std::make_unique<Family<Metric>>(std::move(label_names), std::move(make));
  Family<Metric>& reference = *created;
  entries_.push_back(std::make_unique<Entry>(std::move(name), std::move(help), std::move(created)));
  return reference;
}

Family<Counter>& Registry::counters(std::string name, std::string help, Labels label_names) {
  return family<Counter>(std::move(name), std::move(help), std::move(label_names),
                         [] { return std::make_unique<Counter>(); });
}

Family<Gauge>& Registry::gauges(std::string name, std::string help, Labels label_names) {
  return family<Gauge>(std::move(name), std::move(help), std::move(label_names),
                       [] { return std::make_unique<Gauge>(); });
}

Family<Histogram>& Registry::histograms(std::string name, std::string help, Labels label_names,
                                        std::span<const double> bounds) {
  auto make = [kept = std::vector<double>(bounds.begin(), bounds.end())] { return std::make_unique<Histogram>(kept); };
  return family<Histogram>(std::move(name), std::move(help), std::move(label_names), std::move(make));
}

Counter& Registry::counter(std::string name, std::string help) {
  return counters(std::move(name), std::move(help), {}).with({});
}
Gauge& Registry::gauge(std::string name, std::string help) {
  return gauges(std::move(name), std::move(help), {}).with({});
}
Histogram& Registry::histogram(std::string name, std::string help, std::span<const double> bounds) {
  return histograms(std::move(name), std::move(help), {}, bounds).with({});
}

void Registry::gauge_of(std::string name, std::string help, std::function<double()> read) {
  check_names(name, {});
  const std::lock_guard lock(mutex_);
  if (find(name) != nullptr) throw std::logic_error("metric registered twice: " + name);
  entries_.push_back(std::make_unique<Entry>(std::move(name), std::move(help), std::move(read)));
}

void Registry::for_each(const std::function<void(const FamilyView&)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& entry : entries_) {
    FamilyView view{.name = entry->name, .help = entry->help, .content = 0.0};
    if (const auto* counters = std::get_if<Entry::Counters>(&entry->content)) view.content = counters->get();
    if (const auto* gauges = std::get_if<Entry::Gauges>(&entry->content)) view.content = gauges->get();
    if (const auto* histograms = std::get_if<Entry::Histograms>(&entry->content)) view.content = histograms->get();
    if (const auto* read = std::get_if<Entry::Callback>(&entry->content)) view.content = (*read)();
    visit(view);
  }
}

std::string Registry::to_prometheus() const {
  std::string text;
  const std::lock_guard lock(mutex_);
  for (const auto& entry : entries_) entry->append_to(text);
  return text;
}

}  // namespace suffice::metrics
