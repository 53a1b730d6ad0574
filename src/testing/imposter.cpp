#include "testing/imposter.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include <gtest/gtest.h>

namespace suffice::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t bind_to_free_port(int socket) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "imposter: bind");
  }
  return ntohs(address.sin_port);
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool receive_some(int socket, std::string& buffer) {
  std::array<char, 16'384> piece{};
  const ssize_t received = ::recv(socket, piece.data(), piece.size(), 0);
  if (received <= 0) return false;
  buffer.append(piece.data(), static_cast<std::size_t>(received));
  return true;
}

/// The head without its last empty line.
void parse_head(std::string_view head, SeenRequest& request) {
  const std::size_t end = std::min(head.find("\r\n"), head.size());
  const std::string_view line = head.substr(0, end);
  const std::size_t first = line.find(' ');
  const std::size_t second = line.rfind(' ');
  if (first == std::string_view::npos || second <= first) return;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  head.remove_prefix(std::min(end + 2, head.size()));
  while (!head.empty()) {
    const std::size_t stop = std::min(head.find("\r\n"), head.size());
    const std::string_view field = head.substr(0, stop);
    const std::size_t colon = std::min(field.find(':'), field.size());
    std::string_view value = field.substr(std::min(colon + 1, field.size()));
    while (value.starts_with(' ')) value.remove_prefix(1);
    request.headers.add(std::string(field.substr(0, colon)), std::string(value));
    head.remove_prefix(std::min(stop + 2, head.size()));
  }
}

std::string chunk_of(std::string_view piece) {
  std::array<char, 20> size{};
  const int written = std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
  return std::string(size.data(), static_cast<std::size_t>(written)) + std::string(piece) + "\r\n";
}

}  // namespace

void Gate::open() {
  const std::scoped_lock lock(mutex_);
  open_ = true;
  opened_.notify_all();
}

void Gate::wait() {
  std::unique_lock lock(mutex_);
  opened_.wait(lock, [this] { return open_; });
}

bool Gate::is_open() const {
  const std::scoped_lock lock(mutex_);
  return open_;
}

SharedGate make_gate() { return std::make_shared<Gate>(); }

Script& Script::send(std::string bytes) {
  steps_.emplace_back(Send{std::move(bytes)});
  return *this;
}

Script& Script::respond(int status, std::string_view body, net::Headers headers) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " Scripted\r\n";
  if (!headers.contains("content-type")) headers.add("content-type", "application/json");
  for (const auto& [name, value] : headers.all()) head.append(name).append(": ").append(value).append("\r\n");
  head.append("content-length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return send(std::move(head));
}

Script& Script::stream(const std::vector<std::string>& pieces, std::string_view content_type) {
  send("HTTP/1.1 200 OK\r\ncontent-type: " + std::string(content_type) + "\r\ntransfer-encoding: chunked\r\n\r\n");
  for (const std::string& piece : pieces) chunk(piece);
  return *this;
}

Script& Script::chunk(std::string_view piece) { return send(chunk_of(piece)); }
Script& Script::finish() { return send("0\r\n\r\n"); }

Script& Script::wait_for(SharedGate gate) {
  steps_.emplace_back(Wait{std::move(gate)});
  return *this;
}

Script& Script::open(SharedGate gate) {
  steps_.emplace_back(Open{std::move(gate)});
  return *this;
}

Script& Script::stall() {
  steps_.emplace_back(Stall{});
  return *this;
}

Script& Script::close() {
  steps_.emplace_back(Close{});
  return *this;
}

Script& Script::reset() {
  steps_.emplace_back(Reset{});
  return *this;
}

Imposter::Imposter() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (listener_ < 0) throw std::system_error(errno, std::generic_category(), "imposter: socket");
  port_ = bind_to_free_port(listener_);
  if (::listen(listener_, 64) != 0) throw std::system_error(errno, std::generic_category(), "imposter: listen");
  accept_thread_ = std::jthread([this] { accept_loop(); });
}

Imposter::~Imposter() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    for (const int socket : open_sockets_) ::shutdown(socket, SHUT_RDWR);
    for (const Script& script : scripts_) {
      for (const Script::Step& step : script.steps_) {
        if (const auto* wait = std::get_if<Script::Wait>(&step)) wait->gate->open();
      }
    }
  }
  ::shutdown(listener_, SHUT_RDWR);
  accept_thread_.join();
  connection_threads_.clear();
  ::close(listener_);
  const auto unused = std::distance(next_, scripts_.end());
  if (unused != 0)
    ADD_FAILURE() << "imposter: " << unused << " expected requests never came, first " << next_->method_ << " "
                  << next_->target_;
}

Script& Imposter::expect(std::string method, std::string target) {
  const std::scoped_lock lock(mutex_);
  Script& script = scripts_.emplace_back();
  script.method_ = std::move(method);
  script.target_ = std::move(target);
  if (next_ == scripts_.end()) next_ = std::prev(scripts_.end());
  return script;
}

std::string Imposter::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

std::vector<SeenRequest> Imposter::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

std::size_t Imposter::connections() const {
  const std::scoped_lock lock(mutex_);
  return connections_;
}

void Imposter::accept_loop() {
  while (true) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::scoped_lock lock(mutex_);
    if (stopping_) {
      ::close(socket);
      return;
    }
    ++connections_;
    open_sockets_.insert(socket);
    connection_threads_.emplace_back([this, socket] { serve(socket); });
  }
}

bool Imposter::read_request(int socket, std::string& buffer, SeenRequest& request) {
  std::size_t end = std::string::npos;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!receive_some(socket, buffer)) return false;
  }
  parse_head(std::string_view(buffer).substr(0, end), request);
  buffer.erase(0, end + 4);
  std::size_t length = 0;
  const std::string_view stated = request.headers.get("content-length");
  std::from_chars(stated.data(), stated.data() + stated.size(), length);
  while (buffer.size() < length) {
    if (!receive_some(socket, buffer)) return false;
  }
  request.body = buffer.substr(0, length);
  buffer.erase(0, length);
  return true;
}

void Imposter::serve(int socket) {
  std::string buffer;
  while (true) {
    SeenRequest request;
    if (!read_request(socket, buffer, request)) break;
    const Script* script = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      requests_.push_back(request);
      if (next_ != scripts_.end()) script = &*next_++;
    }
    if (script == nullptr) {
      ADD_FAILURE() << "imposter: unexpected " << request.method << " " << request.target;
      send_all(socket, "HTTP/1.1 500 Unexpected\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      break;
    }
    if (request.method != script->method_ || request.target != script->target_) {
      ADD_FAILURE() << "imposter: expected " << script->method_ << " " << script->target_ << ", came " << request.method
                    << " " << request.target;
    }
    if (!play(socket, *script)) break;
  }
  close_connection(socket);
}

bool Imposter::play(int socket, const Script& script) {
  for (const Script::Step& step : script.steps_) {
    if (const auto* bytes = std::get_if<Script::Send>(&step)) {
      if (!send_all(socket, bytes->bytes)) return false;
    } else if (const auto* wait = std::get_if<Script::Wait>(&step)) {
      wait->gate->wait();
    } else if (const auto* opened = std::get_if<Script::Open>(&step)) {
      opened->gate->open();
    } else if (std::holds_alternative<Script::Stall>(step)) {
      std::string ignored;
      while (receive_some(socket, ignored)) ignored.clear();
      return false;
    } else if (std::holds_alternative<Script::Reset>(step)) {
      const linger now{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      return false;
    } else {
      return false;
    }
  }
  return true;
}

void Imposter::close_connection(int socket) {
  const std::scoped_lock lock(mutex_);
  open_sockets_.erase(socket);
  ::close(socket);
}

std::uint16_t refused_port() {
  // Bound but not listening: connecting is refused, and nobody else can take the port meanwhile. Never closed on purpose.
  static const std::uint16_t kPort = [] {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind_to_free_port(socket);
  }();
  return kPort;
}

}  // namespace suffice::testing
