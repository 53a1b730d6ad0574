#include "audit/event.hpp"

#include <array>
#include <cstddef>

namespace suffice::audit {

std::string_view name(Event::Kind kind) noexcept {
  static constexpr std::array<std::string_view, 13> kNames = {"request",     "policy_reload", "policy_reload_failed",
                                                              "kill_switch", "start",         "stop",
                                                              "shadow",      "review",        "feedback",
                                                              "promotion",   "rollback",      "certificate_withdrawn",
                                                              "vault_read"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace suffice::audit
