#pragma once
// FlowCheck: everything that can be wrong with a flow before it runs. Internal to flow.cpp.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "workflow/flow.hpp"

namespace suffice::workflow {

class FlowCheck {
 public:
  explicit FlowCheck(const FlowBuilder& builder) : builder_(builder) {}
  [[nodiscard]] std::vector<FlowProblem> run();

 private:
  void check_names();
  void check_edges();
  void check_fans();
  void check_fan_in(std::size_t index);
  void check_loops();
  void check_types(const std::string& where, std::size_t from, std::size_t to);
  void check_reachable();
  void check_cycles();

  void say(std::string where, std::string message) { problems_.push_back({std::move(where), std::move(message)}); }
  /// Index of the part, or kNone after saying that there is none.
  std::size_t find(const std::string& where, const std::string& name);
  [[nodiscard]] std::size_t index_of(std::string_view name) const;
  [[nodiscard]] std::vector<std::vector<std::size_t>> successors(bool with_loops) const;
  [[nodiscard]] std::vector<bool> reached_from(std::vector<std::size_t> begin) const;
  [[nodiscard]] std::vector<std::string> names() const;

  const FlowBuilder& builder_;
  std::vector<FlowProblem> problems_;
};

}  // namespace suffice::workflow
