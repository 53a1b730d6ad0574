// suffice audit replay: what was asked and answered, from the vault; every look is an event.

#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "audit/event_json.hpp"
#include "audit/location.hpp"
#include "audit/recorder.hpp"
#include "audit/vault.hpp"
#include "cli/audit_commands.hpp"
#include "core/clock.hpp"
#include "core/ids.hpp"
#include "core/random.hpp"
#include "policy/policy_store.hpp"
#include "providers/secret.hpp"

namespace suffice::cli {
namespace {

struct ReplayFlags {
  std::string data;
  std::string record;
  std::string vault_key;
  std::string id;
  std::string actor;
  bool json = false;
};

constexpr std::chrono::seconds kRecordWaitMax{10};

/// The one event with that id or request id, or with that beginning of it.
Result<audit::StoredEvent> find_event(audit::AuditReader& reader, const std::string& id) {
  std::optional<audit::StoredEvent> found;
  int matches = 0;
  SUFFICE_TRY_VOID(reader.read({.kind = "request", .id_or_request_id = id}, [&](const audit::StoredEvent& event) {
    found = event;
    return ++matches < 2;
  }));
  if (matches > 1) return fail(ErrorCode::InvalidArgument, "more than one event begins with that; give more of it", id);
  if (found) return *std::move(found);
  return fail(ErrorCode::NotFound, "no request with that event id or request id; suffice audit tail --json lists them",
              id);
}

Result<audit::Vault> open_vault(const ReplayFlags& flags) {
  SUFFICE_TRY(policy::SecretRef reference, secret_reference(flags.vault_key, "--vault-key"));
  if (reference.kind == policy::SecretRef::Kind::None)
    reference = {.kind = policy::SecretRef::Kind::Env, .source = "SUFFICE_VAULT_KEY"};
  SUFFICE_TRY(const providers::Secret key, providers::Secret::read(reference, policy::process_environment()));
  return audit::Vault::create(key.reveal());
}

/// Durable before anything is shown: without the event there is no look.
Result<void> record_the_look(const audit::RecordLocation& location, const ReplayFlags& flags,
                             const audit::StoredEvent& about) {
  SUFFICE_TRY(std::unique_ptr<audit::AuditStore> store, audit::open_store(location, audit::Writer::Command));
  SUFFICE_TRY(const std::unique_ptr<audit::Recorder> recorder, audit::Recorder::create(std::move(store), {}));
  const SystemClock clock;
  SystemRandom random;
  audit::Event event;
  event.kind = audit::Event::Kind::VaultRead;
  event.id = new_uuid7(clock, random);
  event.time = clock.wall_now();
  event.task = about.task;
  event.refers_to = about.id;
  event.actor = flags.actor;
  event.outcome = "ok";
  if (!recorder->record(std::move(event))) return fail(ErrorCode::Overloaded, "the look could not be recorded");
  return recorder->flush(kRecordWaitMax);
}

Result<audit::KeptTexts> texts_of(const ReplayFlags& flags, const audit::RecordLocation& location,
                                  audit::StoredEvent& event) {
  SUFFICE_TRY(const audit::Vault vault, open_vault(flags));
  SUFFICE_TRY(const std::unique_ptr<audit::AuditReader> reader, audit::open_reader(location));
  SUFFICE_TRY(event, find_event(*reader, flags.id));
  SUFFICE_TRY(const std::optional<audit::SealedTexts> sealed, reader->sealed(event.id));
  if (!sealed) {
    return fail(ErrorCode::NotFound,
                "no texts are kept of this request: its task had no vault in the policy, or they have expired",
                event.id);
  }
  SUFFICE_TRY(audit::KeptTexts texts, vault.open(*sealed, SystemClock().wall_now()));
  SUFFICE_TRY_VOID(record_the_look(location, flags, event));
  return texts;
}

Exit run_replay(const ReplayFlags& flags) {
  const Result<std::filesystem::path> data = data_folder(flags.data);
  if (!data) return report(data.error());
  const Result<audit::RecordLocation> location =
      audit::record_location(flags.record, *data, policy::process_environment());
  if (!location) return report(location.error());
  audit::StoredEvent event;
  const Result<audit::KeptTexts> texts = texts_of(flags, *location, event);
  if (!texts) return report(texts.error());
  if (flags.json) {
    const boost::json::object line{
        {"id", event.id}, {"task", event.task}, {"input", texts->input}, {"output", texts->output}};
    fmt::print("{}\n", boost::json::serialize(line));
  } else {
    fmt::print("# {}  {}  {}\n\n{}\n\n# answered\n\n{}\n", event.id, event.time, event.task, texts->input,
               texts->output);
  }
  return Exit::Ok;
}

std::string user_name() {
  const char* name = std::getenv("USER");  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return name == nullptr ? "operator" : name;
}

}  // namespace

Result<policy::SecretRef> secret_reference(const std::string& text, const std::string& flag) {
  using Kind = policy::SecretRef::Kind;
  if (text.empty()) return policy::SecretRef{};
  if (text.starts_with("env:")) return policy::SecretRef{.kind = Kind::Env, .source = text.substr(4)};
  if (text.starts_with("file:")) return policy::SecretRef{.kind = Kind::File, .source = text.substr(5)};
  return fail(ErrorCode::InvalidArgument,
              "write env:NAME or file:PATH: a secret on the command line is visible to others", flag);
}

void add_audit_replay(CLI::App& parent, Command& chosen) {
  auto flags = std::make_shared<ReplayFlags>();
  flags->actor = user_name();
  CLI::App* command = parent.add_subcommand(
      "replay",
      "The whole texts of a request whose task keeps them (policy: vault: {ttl: 7d}).\n\n"
      "  suffice audit replay 0189f3a2 --vault-key file:/etc/suffice/vault.key\n\n"
      "Every look is an event of the record (kind vault_read), written before anything is shown. Exit 2 when nothing is kept, it has "
      "expired, or the key is another.");
  command->add_option("ID", flags->id, "Event id or request id, or the first 6 or more characters of one")->required();
  command->add_option("--vault-key", flags->vault_key, "env:NAME or file:PATH with 64 hex digits [$SUFFICE_VAULT_KEY]");
  command->add_option("--actor", flags->actor, "Who looks, for the record")->capture_default_str();
  command->add_option("--data", flags->data, "Folder of the record [$XDG_STATE_HOME/suffice]");
  command->add_option("--record", flags->record,
                      "PostgreSQL record: postgres://USER@HOST/DATABASE, env:NAME or file:PATH [$SUFFICE_RECORD]");
  command->add_flag("--json", flags->json, "One JSON object");
  command->callback([flags, &chosen] { chosen.run = [flags] { return run_replay(*flags); }; });
}

}  // namespace suffice::cli
