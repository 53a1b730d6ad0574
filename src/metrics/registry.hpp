#pragma once
// Named, labelled metrics and their Prometheus text. The door of this folder.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "metrics/instruments.hpp"

namespace suffice::metrics {

/// Distinct label combinations kept for one family. Beyond it every new one is counted under the value "other" in every
/// label, so that a caller who invents names cannot fill the memory.
inline constexpr std::size_t kChildrenMax = 1'000;

/// All metrics of one name: one child for each combination of label values. Any thread.
template <class Metric>
class Family {
 public:
  using Make = std::function<std::unique_ptr<Metric>()>;
  Family(std::vector<std::string> label_names, Make make)
      : label_names_(std::move(label_names)), make_(std::move(make)) {}

  /// The child with these label values, in the order of the label names (std::logic_error for a wrong count). The reference
  /// is good for the registry's life: hold it where the path is hot. Takes a lock; allocates for a new child only.
  Metric& with(std::span<const std::string_view> label_values);
  Metric& with(std::initializer_list<std::string_view> label_values) {
    return with(std::span<const std::string_view>(label_values.begin(), label_values.size()));
  }

  [[nodiscard]] const std::vector<std::string>& label_names() const { return label_names_; }
  /// Calls `visit(label values, child)` for every child, ordered by label values.
  void for_each(const std::function<void(const std::vector<std::string>&, const Metric&)>& visit) const;

 private:
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                          [](std::string_view x, std::string_view y) { return x < y; });
    }
  };
  const std::vector<std::string> label_names_;
  const Make make_;
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<Metric>, Less> children_;
};

/// One family as an exporter sees it. Valid during the visit only.
struct FamilyView {
  std::string_view name;
  std::string_view help;
  /// The number is a gauge without labels that was asked just now.
  std::variant<const Family<Counter>*, const Family<Gauge>*, const Family<Histogram>*, double> content;
};

/// All metrics of a program. Any thread. Asking twice for one name gives the same family; asking with another kind, other
/// labels or an invalid name is a bug and throws std::logic_error.
class Registry {
 public:
  using Labels = std::vector<std::string>;

  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Family<Counter>& counters(std::string name, std::string help, Labels label_names);
  Family<Gauge>& gauges(std::string name, std::string help, Labels label_names);
  Family<Histogram>& histograms(std::string name, std::string help, Labels label_names, std::span<const double> bounds);

  /// The same without labels.
  Counter& counter(std::string name, std::string help);
  Gauge& gauge(std::string name, std::string help);
  Histogram& histogram(std::string name, std::string help, std::span<const double> bounds);
  /// A gauge that is asked at every scrape; `read` may be called from any thread and outlives the registry's use.
  void gauge_of(std::string name, std::string help, std::function<double()> read);

  /// Every family in the order of registration.
  void for_each(const std::function<void(const FamilyView&)>& visit) const;
  /// Prometheus text exposition format 0.0.4; families in the order of their registration.
  [[nodiscard]] std::string to_prometheus() const;
  /// The Content-Type of that text.
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct Entry;
  template <class Metric>
  Family<Metric>& family(std::string name, std::string help, Labels label_names, typename Family<Metric>::Make make);
  Entry* find(std::string_view name);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

}  // namespace suffice::metrics
