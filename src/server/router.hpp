#pragma once
// Which surface answers which path on which listener; strict Host.

#include "net/http_server.hpp"
#include "server/admin_surface.hpp"
#include "server/public_surface.hpp"

namespace suffice::server {

/// Handler of the public listener. On a loopback address only loopback Host names are served (a web page that rebinds its name to
/// 127.0.0.1 gets 403). `surface` and `admin` outlive the handler.
[[nodiscard]] net::Handler public_handler(PublicSurface& surface, AdminSurface& admin,
                                          const net::ListenAddress& listen);
/// Handler of the admin listener.
[[nodiscard]] net::Handler admin_handler(AdminSurface& admin, const net::ListenAddress& listen);

/// True when a Host header names this machine's loopback interface.
[[nodiscard]] bool is_loopback_host(std::string_view host);

}  // namespace suffice::server
