// TLS with certificates made here: a root of our own signs a certificate for "localhost" and 127.0.0.1.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <unistd.h>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "net/http_client.hpp"
#include "net/raw_peer.hpp"
#include "net/run_sync.hpp"

namespace suffice::net {
namespace {

template <class T, void (*kFree)(T*)>
struct Freer {
  void operator()(T* object) const { kFree(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;

struct Identity {
  Key key;
  Certificate certificate;
};

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// A certificate for `name`, signed by `issuer` or, when that is null, by itself as a root.
Identity make_identity(const char* name, const Identity* issuer, const char* alternative_names) {
  Identity made{Key(EVP_EC_gen("P-256")), Certificate(X509_new())};
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* signer = issuer == nullptr ? certificate : issuer->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  add_extension(certificate, signer, NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (alternative_names != nullptr) add_extension(certificate, signer, NID_subject_alt_name, alternative_names);
  X509_sign(certificate, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256());
  return made;
}

class Tls : public testing::Test {
 protected:
  using tcp = boost::asio::ip::tcp;
  using Stream = boost::asio::ssl::stream<tcp::socket&>;

  Tls() {
    ca_file_ =
        (std::filesystem::temp_directory_path() / ("suffice_ca_" + std::to_string(::getpid()) + ".pem")).string();
    std::FILE* file = std::fopen(ca_file_.c_str(), "w");
    PEM_write_X509(file, root_.certificate.get());
    std::fclose(file);
    SSL_CTX_use_certificate(context_.native_handle(), leaf_.certificate.get());
    SSL_CTX_use_PrivateKey(context_.native_handle(), leaf_.key.get());
  }
  ~Tls() override { std::filesystem::remove(ca_file_); }

  /// A script that shakes hands and then lets `talk` speak; tells the server name it was asked for.
  ScriptedServer::Script over_tls(std::function<void(Stream&)> talk) {
    return [this, talk = std::move(talk)](RawPeer& peer) {
      Stream stream(peer.socket(), context_);
      boost::system::error_code ec;
      stream.handshake(boost::asio::ssl::stream_base::server, ec);
      if (ec) return;
      const char* name = SSL_get_servername(stream.native_handle(), TLSEXT_NAMETYPE_host_name);
      server_name_ = name == nullptr ? "" : name;
      talk(stream);
    };
  }

  static void answer(Stream& stream, std::string_view bytes) {
    boost::system::error_code ec;
    char request[4096];
    (void)stream.read_some(boost::asio::buffer(request), ec);
    boost::asio::write(stream, boost::asio::buffer(bytes), ec);
  }

  HttpRequest request(std::string host, std::uint16_t port) {
    HttpRequest request;
    request.method = "GET";
    request.endpoint = {.tls = true, .host = std::move(host), .port = port, .path_prefix = {}};
    request.path = "/";
    return request;
  }

  Identity root_ = make_identity("Suffice test root", nullptr, nullptr);
  Identity leaf_ = make_identity("leaf", &root_, "DNS:localhost,IP:127.0.0.1");
  boost::asio::ssl::context context_{boost::asio::ssl::context::tls_server};
  std::string ca_file_;
  std::string server_name_;
};

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(Tls, TrustsTheGivenRootSendsTheServerNameAndReusesTheConnection) {
  HttpClient client{HttpClientOptions{.ca_file = ca_file_}};
  {
    ScriptedServer server({over_tls([](Stream& stream) { answer(stream, kOk), answer(stream, kOk); })});
    const HttpRequest to_name = request("localhost", server.port());
    const auto twice = [](HttpClient& sender, const HttpRequest& what) -> Task<Result<HttpResponse>> {
      Result<HttpResponse> first = co_await sender.send(what, nullptr, Deadline::after(kPatience));
      if (!first) co_return first;
      co_return co_await sender.send(what, nullptr, Deadline::after(kPatience));
    };
    const Result<HttpResponse> response = run_sync(twice(client, to_name));
    ASSERT_TRUE(response) << describe(response.error());
    EXPECT_EQ(response->body, "ok");
  }
  EXPECT_EQ(server_name_, "localhost");

  ScriptedServer server({over_tls([](Stream& stream) { answer(stream, kOk); })});
  const HttpRequest to_address = request("127.0.0.1", server.port());
  const Result<HttpResponse> response = run_sync(client.send(to_address, nullptr, Deadline::after(kPatience)));
  EXPECT_TRUE(response) << describe(response.error());
}

TEST_F(Tls, RefusesARootItDoesNotKnowAndANameTheCertificateLacks) {
  leaf_ = make_identity("leaf", &root_, "DNS:other.example");
  SSL_CTX_use_certificate(context_.native_handle(), leaf_.certificate.get());
  SSL_CTX_use_PrivateKey(context_.native_handle(), leaf_.key.get());
  for (const std::string& ca_file : {std::string{}, ca_file_}) {
    SCOPED_TRACE(ca_file.empty() ? "unknown root" : "wrong name");
    ScriptedServer server({over_tls([](Stream& stream) { answer(stream, kOk); })});
    HttpClient client{HttpClientOptions{.ca_file = ca_file}};
    const HttpRequest to_name = request("localhost", server.port());
    const Result<HttpResponse> response = run_sync(client.send(to_name, nullptr, Deadline::after(kPatience)));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::ConnectFailed);
  }
}

TEST_F(Tls, ConnectsUnverifiedOnlyWhenTold) {
  ScriptedServer server({over_tls([](Stream& stream) { answer(stream, kOk); })});
  HttpClient client{HttpClientOptions{.verify_tls = false, .ca_file = {}}};
  const HttpRequest to_name = request("localhost", server.port());

  EXPECT_TRUE(run_sync(client.send(to_name, nullptr, Deadline::after(kPatience))));
}

TEST_F(Tls, TakesAnUncountedBodyForWholeOnlyAfterTheClosingAlert) {
  HttpClient client{HttpClientOptions{.ca_file = ca_file_}};
  const char* uncounted = "HTTP/1.1 200 OK\r\n\r\nbody";
  ScriptedServer server({over_tls([&](Stream& stream) { answer(stream, uncounted); }), over_tls([&](Stream& stream) {
                           answer(stream, uncounted);
                           boost::system::error_code ec;
                           stream.shutdown(ec);
                         })});
  const HttpRequest to_name = request("localhost", server.port());

  const Result<HttpResponse> cut = run_sync(client.send(to_name, nullptr, Deadline::after(kPatience)));
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::ConnectionClosed);

  const Result<HttpResponse> whole = run_sync(client.send(to_name, nullptr, Deadline::after(kPatience)));
  ASSERT_TRUE(whole) << describe(whole.error());
  EXPECT_EQ(whole->body, "body");
}

TEST_F(Tls, SaysThatTheCaFileCannotBeRead) {
  HttpClient client{HttpClientOptions{.ca_file = "/nonexistent/ca.pem"}};
  const HttpRequest to_name = request("localhost", 1);

  const Result<HttpResponse> response = run_sync(client.send(to_name, nullptr, Deadline::after(kPatience)));

  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().where, "/nonexistent/ca.pem");
}

}  // namespace
}  // namespace suffice::net
