#pragma once
// Application: the one place that constructs everything, in layer order.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "app/settings.hpp"
#include "core/result.hpp"
#include "pipeline/gateway.hpp"

namespace spdlog {
class logger;
}

namespace suffice::app {

/// A gateway with everything it needs, with or without listeners.
class Application {
 public:
  /// Builds everything but the listeners. The Error says what to mend: PolicyInvalid lists every problem; ConfigInvalid names the
  /// data folder or flag; ModelInvalid names the file.
  static Result<std::unique_ptr<Application>> create(Settings settings, std::shared_ptr<spdlog::logger> log);
  ~Application();
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  /// Binds both listeners. AddressInUse names the address and how to choose another.
  Result<void> listen();
  [[nodiscard]] net::ListenAddress public_address() const;
  [[nodiscard]] net::ListenAddress admin_address() const;

  /// Serves until SIGINT or SIGTERM, then drains. SIGHUP and a changed policy file reload. `on_ready` is called once listening.
  void run_until_signal(const std::function<void()>& on_ready);

  [[nodiscard]] pipeline::Gateway& gateway();
  /// What an operator's lever does: acts on the next request, is recorded, and is kept in the data folder.
  Result<void> set_levers(const pipeline::LeverState& next);
  /// Waits for the embedded engines; for one-shot use, where a first request must not find them still loading.
  void wait_for_models(std::chrono::milliseconds limit);

 private:
  struct Impl;
  explicit Application(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace suffice::app
