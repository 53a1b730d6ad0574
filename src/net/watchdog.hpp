#pragma once
// One timer per connection that says when something took too long. Private to net/.

#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

#include "core/clock.hpp"

namespace suffice::net {

/// Calls `on_expire` once the time given to guard() has passed, unless it was moved or cleared before. One executor.
///
/// Moving the time later costs a store: the armed timer notices when it fires and sleeps again. So a busy connection
/// pays one timer operation per expiry of its longest wait, not one per request.
class Watchdog {
 public:
  Watchdog(const boost::asio::any_io_executor& executor, std::function<void()> on_expire);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void guard(SteadyTime until);
  void clear();
  /// As clear(), and lets go of the timer too, so that it does not keep an io_context running.
  void release();

 private:
  struct State;
  static void arm(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

}  // namespace suffice::net
