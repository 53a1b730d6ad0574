#include "app/reloader.hpp"

#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace suffice::app {

namespace asio = boost::asio;

/// Everything below runs on `thread` but what says otherwise.
struct Reloader::Impl {
  using Answer = std::function<void(Result<std::string>)>;

  explicit Impl(Work given) : work(std::move(given)), thread([this] { io.run(); }) {}

  /// Any thread.
  void ask(Answer answer) {
    asio::post(io, [this, answer = std::move(answer)]() mutable {
      if (stopping) {
        answer(fail(ErrorCode::Cancelled, "the gateway is stopping"));
        return;
      }
      waiting.push_back(std::move(answer));
      if (running) {
        cancel.emit(asio::cancellation_type::terminal);
      } else {
        start();
      }
    });
  }

  /// Whoever asked until now is answered by this run.
  void start() {
    running = true;
    asio::co_spawn(
        io, work(),
        asio::bind_cancellation_slot(cancel.slot(), [this, asked = std::exchange(waiting, {})](
                                                        const std::exception_ptr& thrown, Result<std::string> result) {
          if (thrown) result = fail(ErrorCode::Cancelled, "the reload was given up");
          running = false;
          for (const Answer& answer : asked) answer(result);
          if (!waiting.empty() && !stopping) start();
        }));
  }

  void stop() {
    asio::post(io, [this] {
      stopping = true;
      for (const Answer& answer : std::exchange(waiting, {}))
        answer(fail(ErrorCode::Cancelled, "the gateway is stopping"));
      if (running) cancel.emit(asio::cancellation_type::terminal);
      guard.reset();
    });
    thread.join();
  }

  Work work;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard = asio::make_work_guard(io);
  asio::cancellation_signal cancel;
  bool running = false;
  bool stopping = false;
  std::vector<Answer> waiting;
  std::thread thread;
};

Reloader::Reloader(Work work) : impl_(std::make_unique<Impl>(std::move(work))) {}
Reloader::~Reloader() { impl_->stop(); }

void Reloader::request() {
  impl_->ask([](const Result<std::string>&) {});
}

Task<Result<std::string>> Reloader::reload() {
  const auto start = [](auto handler, Impl* impl) {
    auto home = asio::make_work_guard(handler);
    auto shared = std::make_shared<std::pair<decltype(handler), decltype(home)>>(std::move(handler), std::move(home));
    impl->ask([shared](Result<std::string> result) {
      const auto back = shared->second.get_executor();
      asio::dispatch(back, [shared, result = std::move(result)]() mutable {
        shared->second.reset();
        std::move(shared->first)(std::move(result));
      });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Result<std::string>)>(
      start, asio::use_awaitable, impl_.get());
}

}  // namespace suffice::app
