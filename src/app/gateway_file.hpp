#pragma once
// gateway.json in the data folder: how other commands find the gateway that runs on it.

#include <filesystem>
#include <optional>
#include <string>

#include "net/http_server.hpp"

namespace suffice::app {

struct RunningGateway {
  int pid = 0;
  std::string url;  ///< http://127.0.0.1:8080
  std::string admin_url;
};

/// The gateway that runs on this data folder, nothing when the file is missing or its process is gone.
[[nodiscard]] std::optional<RunningGateway> find_running(const std::filesystem::path& data);
void announce_running(const std::filesystem::path& data, const net::ListenAddress& listen,
                      const net::ListenAddress& admin);
void forget_running(const std::filesystem::path& data);

}  // namespace suffice::app
