#include "net/io_threads.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace suffice::net {
namespace {

using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

}  // namespace

struct IoThreads::Impl {
  struct Lane {
    boost::asio::io_context context{1};  // one thread runs it
    WorkGuard work = boost::asio::make_work_guard(context);
    std::thread thread;
  };

  std::function<void(std::string_view)> on_fault;
  std::vector<std::unique_ptr<Lane>> lanes;

  void run(boost::asio::io_context& context) const {
    while (!context.stopped()) {
      try {
        context.run();
      } catch (const std::exception& exception) {
        if (on_fault) on_fault(exception.what());
      }
    }
  }
};

IoThreads::IoThreads(std::size_t count, std::function<void(std::string_view)> on_fault)
    : impl_(std::make_unique<Impl>()) {
  impl_->on_fault = std::move(on_fault);
  for (std::size_t i = 0; i < std::max<std::size_t>(count, 1); ++i)
    impl_->lanes.push_back(std::make_unique<Impl::Lane>());
}

IoThreads::~IoThreads() { stop(); }

void IoThreads::start() {
  for (const auto& lane : impl_->lanes) {
    if (lane->thread.joinable()) continue;
    lane->context.restart();
    lane->thread = std::thread([impl = impl_.get(), &context = lane->context] { impl->run(context); });
  }
}

void IoThreads::stop() {
  for (const auto& lane : impl_->lanes) lane->context.stop();
  for (const auto& lane : impl_->lanes) {
    if (lane->thread.joinable()) lane->thread.join();
  }
}

std::vector<boost::asio::any_io_executor> IoThreads::executors() const {
  std::vector<boost::asio::any_io_executor> executors;
  for (const auto& lane : impl_->lanes) executors.emplace_back(lane->context.get_executor());
  return executors;
}

}  // namespace suffice::net
