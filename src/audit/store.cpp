#include "audit/store.hpp"

#include <cstddef>

namespace suffice::audit {

Result<Pruned> AuditStore::prune(std::string_view) {
  return fail(ErrorCode::InvalidArgument, "this store keeps everything: there is nothing to prune by");
}

Result<void> check_day(std::string_view day) {
  constexpr std::string_view kForm = "0000-00-00";
  bool right = day.size() == kForm.size();
  for (std::size_t i = 0; right && i < kForm.size(); ++i)
    right = kForm[i] == '-' ? day[i] == '-' : day[i] >= '0' && day[i] <= '9';
  const auto two_digits = [day](std::size_t at) { return (day[at] - '0') * 10 + (day[at + 1] - '0'); };
  right = right && two_digits(5) >= 1 && two_digits(5) <= 12 && two_digits(8) >= 1 && two_digits(8) <= 31;
  if (right) return {};
  return fail(ErrorCode::InvalidArgument, "this is not a day; write it as 2026-11-22 (UTC)");
}

}  // namespace suffice::audit
