#pragma once
// For the tests of this folder: the other end of a connection, blocking and byte by byte, so that a test says exactly
// what goes over the wire. Every wait ends after kPatience; nothing sleeps.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

namespace suffice::net {

inline constexpr std::chrono::seconds kPatience{20};

/// A blocking socket with text in and out.
class RawPeer {
 public:
  using tcp = boost::asio::ip::tcp;
  explicit RawPeer(tcp::socket socket) : socket_(std::move(socket)) {
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  void send(std::string_view bytes) {
    boost::system::error_code ignored;  // a peer that has closed is what some tests are about
    boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
  }

  /// Reads until `mark` has come and returns everything up to its end; all there was when the peer closed first.
  std::string read_until(std::string_view mark) {
    while (true) {
      if (const auto at = received_.find(mark); at != std::string::npos) return take(at + mark.size());
      if (!read_more()) return take(received_.size());
    }
  }

  /// One message with Content-Length (or without body).
  std::string read_message() {
    std::string message = read_until("\r\n\r\n");
    const auto at = message.find("Content-Length: ");
    const std::size_t length = at == std::string::npos ? 0 : std::stoul(message.substr(at + 16));
    while (received_.size() < length && read_more()) {
    }
    return message + take(std::min(length, received_.size()));
  }

  /// Everything until the peer closes.
  std::string read_all() {
    while (read_more()) {
    }
    return take(received_.size());
  }

  /// Waits for the peer to close; false when bytes came instead.
  bool wait_for_close() { return received_.empty() && !read_more(); }

  void close() { socket_.close(); }
  tcp::socket& socket() { return socket_; }

 private:
  bool read_more() {
    char bytes[4096];
    // recv, not read_some: the latter would wait through SO_RCVTIMEO.
    const auto got = ::recv(socket_.native_handle(), bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    received_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }
  std::string take(std::size_t count) {
    std::string front = received_.substr(0, count);
    received_.erase(0, count);
    return front;
  }

  tcp::socket socket_;
  std::string received_;
};

/// A caller of a server under test.
class RawClient : private boost::asio::io_context, public RawPeer {
 public:
  explicit RawClient(std::uint16_t port) : RawPeer(connected(*this, port)) {}

 private:
  static tcp::socket connected(boost::asio::io_context& context, std::uint16_t port) {
    tcp::socket socket(context);
    socket.connect({boost::asio::ip::address_v4::loopback(), port});
    return socket;
  }
};

/// A server that plays one script for each connection, in order, and closes the connection when its script returns.
class ScriptedServer {
 public:
  using Script = std::function<void(RawPeer&)>;

  explicit ScriptedServer(std::vector<Script> scripts)
      : acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}),
        thread_([this, scripts = std::move(scripts)] {
          for (const Script& script : scripts) {
            boost::system::error_code ec;
            RawPeer::tcp::socket socket(context_);
            acceptor_.accept(socket, ec);
            if (ec) return;
            RawPeer peer(std::move(socket));
            script(peer);
          }
        }) {}
  ~ScriptedServer() {
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);  // wakes a blocking accept
    thread_.join();
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  boost::asio::io_context context_;
  RawPeer::tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace suffice::net
