#pragma once
// A scripted HTTP server on 127.0.0.1 that can misbehave in every way a provider does.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "net/http.hpp"

namespace suffice::testing {

/// Holds a script until the test opens it, or tells the test that the script got there. Any thread; opening is for good.
class Gate {
 public:
  void open();
  /// Returns when open.
  void wait();
  [[nodiscard]] bool is_open() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};
using SharedGate = std::shared_ptr<Gate>;
[[nodiscard]] SharedGate make_gate();

/// What the imposter does with one request. Steps run in order; after the last one the connection is kept for the next request.
class Script {
 public:
  Script& send(std::string bytes);
  /// A complete response with Content-Length.
  Script& respond(int status, std::string_view body, net::Headers headers = {});
  /// The head of a chunked 200 response, then one chunk for each piece, without the last chunk.
  Script& stream(const std::vector<std::string>& pieces, std::string_view content_type = "text/event-stream");
  Script& chunk(std::string_view piece);
  /// The last chunk of a chunked body.
  Script& finish();
  Script& wait_for(SharedGate gate);
  Script& open(SharedGate gate);
  Script& stall();  ///< sends nothing until the client closes
  Script& close();  ///< FIN
  Script& reset();  ///< RST

 private:
  friend class Imposter;
  struct Send {
    std::string bytes;
  };
  struct Wait {
    SharedGate gate;
  };
  struct Open {
    SharedGate gate;
  };
  struct Stall {};
  struct Close {};
  struct Reset {};
  using Step = std::variant<Send, Wait, Open, Stall, Close, Reset>;
  std::string method_;
  std::string target_;
  std::vector<Step> steps_;
};

struct SeenRequest {
  std::string method;
  std::string target;
  net::Headers headers;
  std::string body;
};

/// Serves requests in the order they arrive, on any number of connections, each by the next script. Strict: a request without a
/// script, or another method or target than expected, fails the test; so do scripts that nobody used, when the imposter ends.
class Imposter {
 public:
  Imposter();
  ~Imposter();
  Imposter(const Imposter&) = delete;
  Imposter& operator=(const Imposter&) = delete;

  /// The script of the next request that has none yet. The reference is for building it before the request can arrive.
  Script& expect(std::string method, std::string target);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// "http://127.0.0.1:PORT"
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::vector<SeenRequest> requests() const;
  [[nodiscard]] std::size_t connections() const;

 private:
  void accept_loop();
  void serve(int socket);
  bool read_request(int socket, std::string& buffer, SeenRequest& request);
  /// False when the connection is over.
  bool play(int socket, const Script& script);
  void close_connection(int socket);

  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::list<Script> scripts_;  ///< references stay valid
  std::list<Script>::iterator next_ = scripts_.end();
  std::vector<SeenRequest> requests_;
  std::set<int> open_sockets_;
  std::vector<std::jthread> connection_threads_;
  std::size_t connections_ = 0;
  bool stopping_ = false;
  std::jthread accept_thread_;
};

/// An address where nobody listens: connecting is refused.
[[nodiscard]] std::uint16_t refused_port();

}  // namespace suffice::testing
