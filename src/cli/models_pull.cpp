// suffice models pull: a file from a model hub into the store.

#include <csignal>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/models_commands.hpp"
#include "models/pull.hpp"
#include "policy/policy_store.hpp"

namespace suffice::cli {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kUsualHub = "https://huggingface.co";

struct PullFlags {
  models::HubFile file;
  std::string store;
  std::string name;
  std::string sha256;
  bool json = false;
};

/// A token belongs to one hub: HF_TOKEN to huggingface.co, SUFFICE_HUB_TOKEN to any other.
Result<std::string> token_for(const std::string& hub, const policy::Environment& environment) {
  const bool usual = hub == kUsualHub;
  std::string token = environment(usual ? "HF_TOKEN" : "SUFFICE_HUB_TOKEN").value_or("");
  if (token.empty()) return token;
  SUFFICE_TRY(const models::Target target, models::parse_target_url(hub));
  const std::string& host = target.endpoint.host;
  const bool loopback = host == "localhost" || host == "::1" || host.starts_with("127.");
  if (target.endpoint.tls || loopback) return token;
  return fail(ErrorCode::ConfigInvalid,
              "the token would travel unencrypted; use an https:// hub, or unset SUFFICE_HUB_TOKEN", "--hub");
}

/// Runs the pull until it ends or Ctrl-C does; what has been fetched stays either way.
Result<models::StoredModel> run_pull(const models::PullRequest& request, const models::ModelStore& store) {
  asio::io_context io{1};
  net::HttpClient http(net::HttpClientOptions{});
  const SystemClock clock;
  ProgressBar bar("fetching");
  const auto show = [&bar](const models::PullProgress& progress) {
    if (progress.checking) bar.say("checking");
    bar.show(progress.done, progress.total);
  };
  asio::cancellation_signal cancel;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&cancel](const boost::system::error_code& error, int) {
    if (!error) cancel.emit(asio::cancellation_type::terminal);
  });
  std::optional<Result<models::StoredModel>> outcome;
  asio::co_spawn(io, models::pull(request, store, http, clock, show),
                 asio::bind_cancellation_slot(
                     cancel.slot(), [&](const std::exception_ptr& thrown, Result<models::StoredModel> pulled) {
                       signals.cancel();
                       if (!thrown) outcome = std::move(pulled);
                     }));
  io.run();
  if (outcome) return *std::move(outcome);
  return fail(ErrorCode::Cancelled, "stopped; run the same command to go on");
}

Exit pull(const PullFlags& flags) {
  const Result<models::ModelStore> store = open_store(flags.store);
  if (!store) return report(store.error());
  models::PullRequest request{.file = flags.file, .name = flags.name, .token = {}, .sha256 = flags.sha256};
  const policy::Environment environment = policy::process_environment();
  if (request.file.hub.empty()) request.file.hub = environment("SUFFICE_HUB").value_or(std::string(kUsualHub));
  if (request.name.empty()) request.name = models::model_name_from(request.file.file);
  const Result<std::string> token = token_for(request.file.hub, environment);
  if (!token) return report(token.error());
  request.token = *token;
  const Result<models::StoredModel> pulled = run_pull(request, *store);
  if (!pulled) return report(pulled.error());
  if (flags.json) {
    const boost::json::object object{{"name", pulled->name},
                                     {"sha256", pulled->sha256},
                                     {"bytes", pulled->bytes},
                                     {"source", pulled->source},
                                     {"path", store->blob(pulled->sha256).string()}};
    fmt::print("{}\n", boost::json::serialize(object));
  } else {
    fmt::print(
        "{} is in the store: {}, sha256 {}\nLook at it:          suffice models show {}\nUse it in a policy:  model: store:{}\n",
        pulled->name, bytes_in_words(pulled->bytes), pulled->sha256, pulled->name, pulled->name);
  }
  return Exit::Ok;
}

}  // namespace

void add_models_pull(CLI::App& models, Command& chosen) {
  auto flags = std::make_shared<PullFlags>();
  flags->file.hub.clear();
  CLI::App* command = models.add_subcommand(
      "pull",
      "Fetch a GGUF from a model hub into the store, and check its SHA-256.\n\n"
      "A pull that was cut goes on where it was when the same command is run again. For files behind a licence set HF_TOKEN;\n"
      "it is sent to huggingface.co only (SUFFICE_HUB_TOKEN: to the hub of --hub only).\n\n"
      "Example:  suffice models pull Qwen/Qwen2.5-0.5B-Instruct-GGUF qwen2.5-0.5b-instruct-q4_k_m.gguf --name qwen");
  command->add_option("REPO", flags->file.repository, "OWNER/NAME on the hub")->required();
  command->add_option("FILE", flags->file.file, "The file in the repository")->required();
  command->add_option("--revision", flags->file.revision, "Branch, tag or commit")->capture_default_str();
  command->add_option("--name", flags->name, "Name in the store [made of the file's name]");
  command->add_option("--sha256", flags->sha256, "Digest that the file must have [what the hub says]")
      ->check([](const std::string& text) {
        return models::digest_in(text) == text ? std::string() : std::string("write 64 lower-case hex digits");
      });
  command->add_option("--hub", flags->file.hub, "The hub [$SUFFICE_HUB or https://huggingface.co]");
  command->add_option("--store", flags->store, kStoreHelp);
  command->add_flag("--json", flags->json, "A JSON object");
  command->callback([flags, &chosen] { chosen.run = [flags] { return pull(*flags); }; });
}

}  // namespace suffice::cli
