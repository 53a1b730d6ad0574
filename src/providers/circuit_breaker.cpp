#include "providers/circuit_breaker.hpp"

namespace suffice::providers {

bool CircuitBreaker::try_enter(SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  switch (state_locked(now)) {
    case State::Closed:
      return true;
    case State::Open:
      return false;
    case State::HalfOpen:
      break;
  }
  if (probing_) return false;
  probing_ = true;
  return true;
}

void CircuitBreaker::succeeded() {
  const std::scoped_lock lock(mutex_);
  failures_ = 0;
  open_ = false;
  probing_ = false;
}

void CircuitBreaker::failed(SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  ++failures_;
  probing_ = false;
  if (open_ || failures_ >= rules_.failures_to_open) {
    open_ = true;
    opened_at_ = now;
  }
}

void CircuitBreaker::gave_up() {
  const std::scoped_lock lock(mutex_);
  probing_ = false;
}

CircuitBreaker::State CircuitBreaker::state(SteadyTime now) const {
  const std::scoped_lock lock(mutex_);
  return state_locked(now);
}

CircuitBreaker::State CircuitBreaker::state_locked(SteadyTime now) const {
  if (!open_) return State::Closed;
  return now - opened_at_ < rules_.open_for ? State::Open : State::HalfOpen;
}

std::chrono::milliseconds CircuitBreaker::opens_in(SteadyTime now) const {
  const std::scoped_lock lock(mutex_);
  if (state_locked(now) != State::Open) return std::chrono::milliseconds{0};
  return std::chrono::ceil<std::chrono::milliseconds>(opened_at_ + rules_.open_for - now);
}

bool is_health_failure(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::UpstreamFailed:
    case ErrorCode::ConnectFailed:
    case ErrorCode::ConnectTimeout:
    case ErrorCode::FirstTokenTimeout:
    case ErrorCode::IdleTimeout:
    case ErrorCode::ConnectionClosed:
    case ErrorCode::ProtocolError:
      return true;
    default:
      return false;
  }
}

std::string_view name(CircuitBreaker::State state) noexcept {
  switch (state) {
    case CircuitBreaker::State::Closed:
      return "closed";
    case CircuitBreaker::State::Open:
      return "open";
    case CircuitBreaker::State::HalfOpen:
      break;
  }
  return "half_open";
}

}  // namespace suffice::providers
