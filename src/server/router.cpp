#include "server/router.hpp"

#include "server/http_status.hpp"

namespace suffice::server {
namespace {

Task<void> send_json_error(net::ResponseWriter& writer, ErrorCode code, std::string message) {
  const Error error{.code = code, .message = std::move(message), .where = {}};
  const int status = http_status(error);
  net::Headers headers;
  headers.add("content-type", "application/json");
  std::string body = openai_error_body(error, status);
  const Result<void> sent = co_await writer.send(status, std::move(headers), std::move(body));
  static_cast<void>(sent);
}

Task<void> refuse_host(net::ResponseWriter& writer) {
  std::string message = "this listener is for this machine: send Host: localhost, 127.0.0.1 or [::1]";
  co_await send_json_error(writer, ErrorCode::Forbidden, std::move(message));
}

Task<void> refuse_path(net::ResponseWriter& writer) {
  std::string message = "no such path; POST /v1/chat/completions is the place to begin";
  co_await send_json_error(writer, ErrorCode::NotFound, std::move(message));
}

bool is_health(const net::ServerRequest& request) { return request.path == "/healthz" || request.path == "/readyz"; }

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[')) {
    host = host.substr(0, host.find(']') + 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  // Digits and dots only: 127.0.0.1.evil.example is somebody's name.
  const bool ipv4 = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return net::equal_ignoring_case(host, "localhost") || host == "[::1]" || (ipv4 && host.starts_with("127."));
}

net::Handler public_handler(PublicSurface& surface, AdminSurface& admin, const net::ListenAddress& listen) {
  const bool strict = listen.is_loopback();
  return [&surface, &admin, strict](const net::ServerRequest& request, net::ResponseWriter& writer) -> Task<void> {
    if (strict && !is_loopback_host(request.headers.get("host"))) {
      co_await refuse_host(writer);
    } else if (PublicSurface::owns(request.path)) {
      co_await surface.handle(request, writer);
    } else if (is_health(request)) {
      co_await admin.handle(request, writer);
    } else {
      co_await refuse_path(writer);
    }
  };
}

net::Handler admin_handler(AdminSurface& admin, const net::ListenAddress& listen) {
  const bool strict = listen.is_loopback();
  return [&admin, strict](const net::ServerRequest& request, net::ResponseWriter& writer) -> Task<void> {
    if (strict && !is_loopback_host(request.headers.get("host"))) {
      co_await refuse_host(writer);
    } else {
      co_await admin.handle(request, writer);
    }
  };
}

}  // namespace suffice::server
