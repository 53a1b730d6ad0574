#pragma once
// Task<T>: the coroutine type of everything that waits.

#include <boost/asio/awaitable.hpp>

namespace suffice {

/// A coroutine that runs on the executor of whoever awaits it. Name its arguments, then await it (docs/decisions/0003).
template <class T>
using Task = boost::asio::awaitable<T>;

}  // namespace suffice
