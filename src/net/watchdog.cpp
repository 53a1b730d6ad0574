#include "net/watchdog.hpp"

#include <utility>

#include <boost/asio/steady_timer.hpp>

namespace suffice::net {

struct Watchdog::State {
  boost::asio::steady_timer timer;
  std::function<void()> on_expire;
  SteadyTime until = SteadyTime::max();
  SteadyTime armed = SteadyTime::max();  ///< when the timer fires; max: it does not run
};

Watchdog::Watchdog(const boost::asio::any_io_executor& executor, std::function<void()> on_expire)
    : state_(std::make_shared<State>(
          State{.timer = boost::asio::steady_timer(executor), .on_expire = std::move(on_expire)})) {}

Watchdog::~Watchdog() {
  state_->on_expire = nullptr;
  state_->timer.cancel();
}

void Watchdog::guard(SteadyTime until) {
  state_->until = until;
  if (until < state_->armed) arm(state_);
}

void Watchdog::clear() { state_->until = SteadyTime::max(); }

void Watchdog::release() {
  clear();
  if (state_->armed == SteadyTime::max()) return;
  state_->armed = SteadyTime::max();
  state_->timer.cancel();
}

void Watchdog::arm(const std::shared_ptr<State>& state) {
  state->armed = state->until;
  state->timer.expires_at(state->until);
  state->timer.async_wait([state](boost::system::error_code error) {
    if (error || !state->on_expire) return;  // moved earlier, released or destroyed
    state->armed = SteadyTime::max();
    if (state->until == SteadyTime::max()) return;
    if (std::chrono::steady_clock::now() < state->until) return arm(state);
    state->until = SteadyTime::max();
    const auto call = state->on_expire;  // survives the owner's end
    call();
  });
}

}  // namespace suffice::net
