// suffice keys: makes callers' keys, of which the policy holds only the hash.

#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"
#include "core/hash.hpp"
#include "core/random.hpp"
#include "policy/access_key.hpp"

namespace suffice::cli {
namespace {

struct KeyFlags {
  std::string name;
  std::string input = "-";
  bool json = false;
};

Exit make_key(const KeyFlags& flags) {
  SystemRandom random;
  const std::string key = policy::new_access_key(random);
  const std::string hash = sha256_hex(key);
  if (flags.json) {
    fmt::print("{}\n",
               boost::json::serialize(boost::json::object{{"name", flags.name}, {"key", key}, {"sha256", hash}}));
    return Exit::Ok;
  }
  fmt::print(
      "The key, shown this once; its caller sends it as Authorization: Bearer KEY or x-api-key: KEY\n\n"
      "  {}\n\n"
      "Its entry in the policy:\n\n"
      "keys:\n"
      "  {}:\n"
      "    sha256: {}\n"
      "    # tasks: [classify_issue]            what it may ask for; without it everything\n"
      "    # quota: {{requests_per_minute: 600, tokens_per_minute: 200000}}\n"
      "    # requests_at_once: 16\n"
      "    # escalations_per_hour: 200          requests that hosted models may be asked for\n"
      "    # budget: {{usd_per_day: 5}}\n"
      "    # expires: 2027-01-31\n",
      key, flags.name, hash);
  return Exit::Ok;
}

Exit hash_key(const KeyFlags& flags) {
  Result<std::string> text = read_input(flags.input);
  if (!text) return report(text.error());
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty()) {
    return report(Error{
        .code = ErrorCode::InvalidArgument, .message = "no key: write one line with the key", .where = flags.input});
  }
  if (flags.json) {
    fmt::print("{}\n", boost::json::serialize(boost::json::object{{"sha256", sha256_hex(*text)}}));
  } else {
    fmt::print("{}\n", sha256_hex(*text));
  }
  return Exit::Ok;
}

}  // namespace

void add_keys(CLI::App& program, Command& chosen) {
  auto flags = std::make_shared<KeyFlags>();
  CLI::App* command = program.add_subcommand(
      "keys",
      "Make callers' keys.\n\nA policy with a `keys` section serves only requests that bring one. It holds the SHA-256 of each key, never\n"
      "the key. To take a key back, remove its entry; the gateway reloads the file by itself.\n\n"
      "  suffice keys new team-a              print a new key and its entry\n"
      "  suffice keys hash < key-of-team-b    the hash of a key you have already");
  command->require_subcommand(1);
  CLI::App* made = command->add_subcommand("new", "Print a new key, once, and its entry for the policy.");
  made->add_option("NAME", flags->name, "Name of the caller: letters, digits, '_', '-', '.'")
      ->required()
      ->check(CLI::Validator(
          [](const std::string& name) {
            const bool fits =
                !name.empty() && name.size() <= 64 &&
                name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-") ==
                    std::string::npos;
            return fits ? std::string() : std::string("write 1 to 64 letters, digits, '_', '-', '.' or ':'");
          },
          "NAME"));
  made->add_flag("--json", flags->json, "A JSON object: name, key, sha256");
  made->callback([flags, &chosen] { chosen.run = [flags] { return make_key(*flags); }; });
  CLI::App* hashed = command->add_subcommand("hash", "Print the SHA-256 of a key, read from standard input.");
  hashed->add_option("--input", flags->input, "File that holds the key; - is standard input")->capture_default_str();
  hashed->add_flag("--json", flags->json, "A JSON object: sha256");
  hashed->callback([flags, &chosen] { chosen.run = [flags] { return hash_key(*flags); }; });
}

}  // namespace suffice::cli
