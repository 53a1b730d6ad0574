// suffice serve: the gateway.

#include <cstdio>
#include <memory>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "app/application.hpp"
#include "app/gateway_file.hpp"
#include "audit/location.hpp"
#include "cli/audit_commands.hpp"
#include "cli/command.hpp"
#include "models/model_store.hpp"
#include "wire/json.hpp"

namespace suffice::cli {
namespace {

struct ServeFlags {
  std::string policy;
  std::string listen = "127.0.0.1:8080";
  std::string admin = "127.0.0.1:8081";
  std::string data;
  std::string record;
  std::string vault_key;
  std::string log_level = "info";
  std::string on_record_failure = "refuse";
  std::size_t threads = 0;
  bool kill_switch = false;
  bool unauthenticated_remote = false;
  bool json = false;
};

Result<net::ListenAddress> address_from(const std::string& text, std::string_view flag) {
  Result<net::ListenAddress> address = net::ListenAddress::parse(text);
  if (!address) return fail(address.error().code, address.error().message, std::string(flag) + " " + text);
  return address;
}

Result<app::Settings> settings_from(const ServeFlags& flags) {
  app::Settings settings;
  SUFFICE_TRY(settings.policy, policy_file(flags.policy));
  SUFFICE_TRY(settings.data, data_folder(flags.data));
  SUFFICE_TRY(settings.record, audit::record_location(flags.record, settings.data, policy::process_environment()));
  SUFFICE_TRY(settings.vault_key, secret_reference(flags.vault_key, "--vault-key"));
  SUFFICE_TRY(settings.listen, address_from(flags.listen, "--listen"));
  SUFFICE_TRY(settings.admin, address_from(flags.admin, "--admin"));
  settings.engine = app::default_engine(policy::process_environment());
  settings.store = models::default_store_folder(policy::process_environment()).value_or(std::filesystem::path());
  settings.kill_switch = flags.kill_switch;
  settings.unauthenticated_remote = flags.unauthenticated_remote;
  settings.threads = flags.threads;
  settings.version = SUFFICE_VERSION;
  SUFFICE_TRY(settings.otlp, app::otlp_settings(policy::process_environment()));
  if (flags.on_record_failure == "serve") settings.on_record_failure = pipeline::OnRecordFailure::Serve;
  return settings;
}

void say_ready(const app::Application& application, const app::Settings& settings, bool as_json) {
  const std::string url = "http://" + application.public_address().to_string();
  const std::string admin = "http://" + application.admin_address().to_string();
  if (as_json) {
    const boost::json::object line{
        {"url", url}, {"admin_url", admin}, {"pid", ::getpid()}, {"data", settings.data.string()}};
    std::puts(boost::json::serialize(line).c_str());
  } else {
    fmt::print(
        "suffice serves on {}\n"
        "  admin   {}   (metrics, flags, reload)\n"
        "  policy  {}\n"
        "  record  {}\n"
        "Try:  curl {}/v1/chat/completions -H 'content-type: application/json' -d "
        "'{{\"model\":\"suffice/auto\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'\n"
        "Ctrl-C stops it.\n",
        url, admin, settings.policy.string(), settings.record.name, url);
  }
  std::fflush(stdout);
}

Exit serve(const ServeFlags& flags) {
  const Result<app::Settings> settings = settings_from(flags);
  if (!settings) return report(settings.error());
  Result<std::unique_ptr<app::Application>> application =
      app::Application::create(*settings, make_log(flags.log_level));
  if (!application) return report(application.error());
  const Result<void> listening = (*application)->listen();
  if (!listening) return report(listening.error());
  (*application)->run_until_signal([&] { say_ready(**application, *settings, flags.json); });
  return Exit::Ok;
}

}  // namespace

void add_serve(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App* serve_command = program.add_subcommand(
      "serve",
      "Run the gateway until Ctrl-C.\n\nThe policy is reloaded when its file changes and on SIGHUP; a file "
      "with problems is refused and the old policy stays.\n\nWith OTEL_EXPORTER_OTLP_ENDPOINT (and OTEL_EXPORTER_OTLP_HEADERS, "
      "OTEL_SERVICE_NAME) set, spans and metrics go to that OpenTelemetry collector over OTLP/HTTP.");
  serve_command->add_option("--policy", flags->policy, "Policy file [examples/policy.yaml]");
  serve_command->add_option("--listen", flags->listen, "Address of the API; port 0 picks a free one and prints it")
      ->capture_default_str();
  serve_command->add_option("--admin", flags->admin, "Address of metrics, flags and reload; never public")
      ->capture_default_str();
  serve_command->add_option("--data", flags->data, "Folder of the record and the levers [$XDG_STATE_HOME/suffice]");
  serve_command->add_option(
      "--record", flags->record,
      "PostgreSQL for the record, shared by several gateways: postgres://USER@HOST/DATABASE, env:NAME or "
      "file:PATH that hold such a URL; password by PGPASSWORD or PGPASSFILE [$SUFFICE_RECORD, else "
      "audit.sqlite in --data]");
  serve_command->add_option(
      "--vault-key", flags->vault_key,
      "Key of the kept texts of tasks with vault: {ttl: ...}: env:NAME or file:PATH with 64 hex digits "
      "[$SUFFICE_VAULT_KEY]");
  serve_command->add_option("--threads", flags->threads, "I/O threads; 0: one per core")
      ->capture_default_str()
      ->check(CLI::Range(0, 256));
  serve_command->add_option("--log-level", flags->log_level, "debug, info, warn, error or off")
      ->capture_default_str()
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}));
  serve_command
      ->add_option("--on-record-failure", flags->on_record_failure,
                   "refuse or serve requests whose audit event cannot be stored")
      ->capture_default_str()
      ->check(CLI::IsMember({"refuse", "serve"}));
  serve_command->add_flag("--kill-switch", flags->kill_switch,
                          "Start with every task on the frontier (kept until switched off by the admin call)");
  serve_command->add_flag("--unauthenticated-remote", flags->unauthenticated_remote,
                          "Allow --listen on an address other machines reach although the policy has no keys");
  serve_command->add_flag("--json", flags->json, "Print the addresses as one JSON line");
  serve_command->callback([flags, &chosen] { chosen.run = [flags] { return serve(*flags); }; });
}

}  // namespace suffice::cli
