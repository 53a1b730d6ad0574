#pragma once
// Runs one Task to its end on the calling thread: for tests and command-line tools.

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "net/task.hpp"

namespace suffice::net {

/// The result of `task`, run on a private io_context; what else the task has started there is abandoned. Passes exceptions on.
template <class T>
T run_sync(Task<T> task) {
  boost::asio::io_context context{1};
  std::exception_ptr thrown;
  if constexpr (std::is_void_v<T>) {
    boost::asio::co_spawn(context, std::move(task), [&](std::exception_ptr exception) {
      thrown = exception;
      context.stop();
    });
    context.run();
    if (thrown) std::rethrow_exception(thrown);
  } else {
    std::optional<T> result;
    boost::asio::co_spawn(context, std::move(task), [&](std::exception_ptr exception, T value) {
      thrown = exception;
      if (!exception) result.emplace(std::move(value));
      context.stop();
    });
    context.run();
    if (thrown) std::rethrow_exception(thrown);
    return std::move(result).value();
  }
}

}  // namespace suffice::net
