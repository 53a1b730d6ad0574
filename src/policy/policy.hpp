#pragma once
// Policy: the file that says which model may answer what, as an immutable value.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/adapter_use.hpp"
#include "core/chat.hpp"
#include "core/reasons.hpp"
#include "core/usage.hpp"
#include "policy/access_key.hpp"

namespace suffice::policy {

enum class ProviderKind : std::uint8_t { Embedded, OpenAi, Azure, Anthropic, Ollama, Recorded, Classifier };
/// Whether a model is a file on this machine.
[[nodiscard]] constexpr bool is_file(ProviderKind kind) {
  return kind == ProviderKind::Embedded || kind == ProviderKind::Recorded || kind == ProviderKind::Classifier;
}
[[nodiscard]] std::string_view name(ProviderKind kind) noexcept;

/// Where a secret is; the policy never holds one. The value is read when the client is made and never printed.
struct SecretRef {
  enum class Kind : std::uint8_t { None, Env, File };
  Kind kind = Kind::None;
  std::string source;  ///< variable name or path
  bool operator==(const SecretRef&) const = default;
};

struct Timeouts {
  std::chrono::milliseconds connect{2'000};
  std::chrono::milliseconds first_token{20'000};
  std::chrono::milliseconds idle{15'000};
  std::chrono::milliseconds total{60'000};
  bool operator==(const Timeouts&) const = default;
};

/// Attempts of one call to one model, the first included.
struct Retries {
  int attempts_max = 3;
  std::chrono::milliseconds backoff_first{1'000};  ///< doubled each time, full jitter
  std::chrono::milliseconds backoff_max{8'000};
  bool operator==(const Retries&) const = default;
};

/// When a model that keeps failing is no longer called.
struct Breaker {
  int failures_to_open = 5;  ///< in a row
  std::chrono::milliseconds open_for{
      10'000};  ///< then one probe; a provider that is back is used again within 30 s (failoverbench)
  bool operator==(const Breaker&) const = default;
};

struct Model {
  std::string name;  ///< key in the file
  ProviderKind provider = ProviderKind::OpenAi;
  std::string
      model;  ///< the provider's name of it (deployment for Azure); path of the GGUF or "store:NAME" for Embedded, of the recording for Recorded, of the fitted file for Classifier
  std::string endpoint;     ///< absolute URL; empty for Embedded and Recorded
  std::string api_version;  ///< Azure, Anthropic
  SecretRef api_key;
  std::string adapter;  ///< LoRA of every call; a task may name another one
  double adapter_scale = 1;
  /// Embedded: name and path of the LoRA files loaded beside the model, so that tasks can share one engine.
  std::map<std::string, std::string> adapters;
  std::map<std::string, std::string> adapter_sha256;  ///< Embedded: digests of those that are pinned, by name
  bool adapter_or_base = false;  ///< a call whose adapter is not loaded is answered by the base instead of failing
  std::string sha256;            ///< Embedded: the file's digest; empty means not pinned
  bool trust = false;            ///< Embedded: load the file whatever its digest is
  std::vector<std::string> digests_allowed;  ///< Embedded: the policy's allowed_models; `sha256` outranks them
  Price price;
  bool price_known = false;
  std::int64_t context_window = 0;  ///< tokens; 0: unknown (Embedded: read from the GGUF)
  Quota quota;
  Timeouts timeouts;
  Retries retries;
  Breaker breaker;
  Sampling sampling;
  int threads = 1;          ///< Embedded: threads per context
  int contexts = 1;         ///< Embedded: requests computed at once
  bool embeddings = false;  ///< may be asked for embeddings by its name
  bool stand_in = false;    ///< Recorded: not a model; every screen that shows its answers says so
  [[nodiscard]] bool is_local() const { return local; }
  bool local = false;  ///< runs inside the data boundary (default: Embedded and Ollama on loopback)
  bool operator==(const Model&) const = default;
};

/// A fitted classifier (docs/formats.md) beside a group's patterns, never instead: the group fires too where the probability of `label`
/// reaches `threshold` in some piece of the text.
struct HardStopClassifier {
  std::string file;
  std::string sha256;  ///< the file's digest; empty means not pinned
  std::string label;
  double threshold = 1;
  bool operator==(const HardStopClassifier&) const = default;
};

/// A named group of patterns that stop local answering, whatever the confidence.
struct HardStopGroup {
  std::string name;
  Reason reason = Reason::HardStopNovel;
  std::vector<std::string> words;     ///< whole words, case-folded, Unicode word boundaries
  std::vector<std::string> phrases;   ///< substrings of the case-folded text, white space runs equal one space
  std::vector<std::string> patterns;  ///< RE2 expressions, case-insensitive
  std::vector<std::string> except;    ///< RE2 expressions blanked out before matching
  bool check_input = true;
  bool check_output = true;
  std::optional<HardStopClassifier> classifier = {};
  bool operator==(const HardStopGroup&) const = default;
};

enum class Impact : std::uint8_t { Low, Medium, High };
enum class ConfidenceSignal : std::uint8_t {
  None,
  LabelProbability,
  LabelMargin,
  MeanLogprob,
  MinTokenProbability,
  SelfReported,
  Agreement
};
enum class RolloutStage : std::uint8_t { Off, Shadow, Canary, On };
enum class OnFrontierUnavailable : std::uint8_t { Error, LocalWithWarning };
[[nodiscard]] std::string_view name(Impact value) noexcept;
[[nodiscard]] std::string_view name(ConfidenceSignal value) noexcept;
[[nodiscard]] std::string_view name(RolloutStage value) noexcept;

/// A validator with its parameters, beyond those that have fields of their own.
struct EvidenceRule {
  bool required = false;
  std::string
      pointer;  ///< JSON pointer to the citation in a JSON answer; empty: the whole answer must occur in the input
  bool operator==(const EvidenceRule&) const = default;
};

struct Validators {
  bool refusal = true;
  std::int64_t chars_min = 1;
  std::int64_t chars_max = 0;  ///< 0: no limit
  bool code_fence_tolerated = false;
  bool tool_calls = true;  ///< proposed calls must name known tools and satisfy their schemas
  EvidenceRule evidence;
  bool operator==(const Validators&) const = default;
};

/// Files that say what a confidence is worth (learned/calibrator.hpp, learned/certificate.hpp). Empty paths: none.
struct Proof {
  std::string calibrator;
  std::string certificate;
  std::string data_sha256;  ///< the certificate must have been made from this data; empty: from any
  [[nodiscard]] bool empty() const { return calibrator.empty() && certificate.empty(); }
  bool operator==(const Proof&) const = default;
};

/// One step of a task's ladder.
struct Tier {
  std::string model;                      ///< a key of Policy::models
  std::string prompt;                     ///< name@version; empty: the task's prompt
  std::vector<AdapterUse> adapters = {};  ///< all at once; empty: the task's adapter, else the model's
  Proof proof = {};                       ///< empty: the task's
  bool operator==(const Tier&) const = default;
};

/// What becomes, for a local tier, of an input that is longer than the task's max_input_chars.
enum class InputReduction : std::uint8_t {
  None,      ///< it goes to the frontier: input_too_large
  BuildLog,  ///< its error lines and its end (prompts/log_reducer.hpp)
};

/// A rule by which a request names its task without saying so. All present conditions must hold.
struct MatchRule {
  std::string system_contains;          ///< case-folded substring of the system text
  std::vector<std::string> tool_names;  ///< all offered
  std::int64_t input_chars_max = 0;     ///< 0: any
  bool operator==(const MatchRule&) const = default;
};

/// A classifier of `suffice fit router` that says before any model is asked how much the frontier's answer would be better:
/// P(only it is right) - P(only the local model is). At `gain_max` or more the request goes there at once, as predicted_hard.
struct Router {
  std::string file;
  std::string sha256;  ///< the file's digest; empty means not pinned
  double gain_max = 1;
  bool operator==(const Router&) const = default;
};

/// A fitted classifier whose labels are tasks: names the task of a request that nothing else names.
struct TaskClassifier {
  std::string file;
  std::string sha256;           ///< the file's digest; empty means not pinned
  double min_probability = 1;   ///< of the best label
  double none_probability = 1;  ///< at most: the probability that no label is right
  bool operator==(const TaskClassifier&) const = default;
};

struct Task {
  std::string name;
  std::string description;
  std::string owner;
  std::string suite;
  Impact impact = Impact::Low;
  bool local = true;
  std::vector<Tier> tiers;  ///< cheapest first; aliases already resolved; at least one
  std::string prompt;       ///< name@version; empty: the caller's messages go as they are
  std::string adapter;      ///< used by tiers whose model lists it in `adapters`
  std::vector<std::string> labels;
  std::vector<std::string> escalate_labels;
  std::optional<std::string> unknown_label;  ///< a label whose reason is label_unknown instead of label_escalates
  JsonText schema;
  std::string regex;                     ///< RE2 expression that the whole answer must match; empty: any
  std::optional<double> min_confidence;  ///< raw; never together with a certificate, which brings its own threshold
  Proof proof;                           ///< of tiers without their own
  std::optional<Router> router;
  ConfidenceSignal confidence = ConfidenceSignal::None;
  bool confidence_marker =
      false;  ///< the prompt asks for "CONFIDENCE: n"; the marker is removed from what the caller sees
  Validators validators;
  std::vector<std::string> hard_stops;   ///< group names; empty list means none
  std::int64_t max_input_chars = 8'000;  ///< what a local tier may be given; the frontier gets all
  InputReduction reduce = InputReduction::None;
  std::int64_t max_output_tokens = 512;
  Sampling sampling;
  int samples = 1;      ///< answers drawn side by side by an embedded model; their agreement is a signal
  int retry_local = 1;  ///< extra local attempts after schema_invalid
  RolloutStage rollout = RolloutStage::On;
  std::vector<std::string> rollout_groups;
  int rollout_percent = 100;
  OnFrontierUnavailable on_frontier_unavailable = OnFrontierUnavailable::Error;
  std::optional<Usd> budget_per_request;
  std::vector<MatchRule> match;
  std::optional<Tier> candidate;  ///< a rung that runs in shadow beside the ladder and is never served
  std::optional<std::chrono::milliseconds> vault_ttl;  ///< texts are kept, encrypted, for so long; absent: never
  bool operator==(const Task&) const = default;
};

/// What becomes of a workflow's request whose input hits a hard stop.
enum class OnHardStop : std::uint8_t {
  Frontier,  ///< the frontier answers it alone
  Refuse,    ///< nobody does; for documents that must not leave the machine
};

/// A workflow file that clients ask as the model "suffice/NAME" and people as `suffice run NAME`.
struct WorkflowEntry {
  std::string name;
  std::string file;  ///< api/workflow.schema.json
  std::string description;
  std::vector<std::string> hard_stops;  ///< group names, looked for in all of the input
  OnHardStop on_hard_stop = OnHardStop::Refuse;
  bool operator==(const WorkflowEntry&) const = default;
};

/// What requests that run beside the served ones, for comparison only, may use.
struct ShadowLimits {
  std::optional<Usd> usd_per_day;  ///< absent: no limit
  int at_once = 2;                 ///< further ones are left out and counted
  bool operator==(const ShadowLimits&) const = default;
};

enum class KillSwitch : std::uint8_t { Off, FrontierOnly, LocalOnly };
[[nodiscard]] std::string_view name(KillSwitch value) noexcept;

/// How a model of the model store is named in `Model::model`.
inline constexpr std::string_view kStorePrefix = "store:";

/// One loaded policy file. Immutable after load; shared by snapshot.
struct Policy {
  int format = 1;
  std::string version;                   ///< first 12 hex digits of the SHA-256 of the file's bytes
  std::string source_path;               ///< file it came from
  std::vector<std::string> prompt_dirs;  ///< folders of prompt files, absolute or relative to the working directory
  std::map<std::string, Model> models;
  std::map<std::string, std::string>
      aliases;  ///< alias -> model chosen at load (first candidate whose secret is present)
  std::map<std::string, HardStopGroup> hard_stops;
  std::map<std::string, Task> tasks;
  std::map<std::string, WorkflowEntry> workflows;
  ShadowLimits shadow;
  std::optional<TaskClassifier> task_classifier;
  std::string default_task;  ///< for `suffice/auto` when no rule matches; empty: unknown_task
  std::string frontier;      ///< model for unknown tasks and for always-frontier counterfactuals; empty: none
  KillSwitch kill_switch = KillSwitch::Off;
  std::map<std::string, AccessKey> keys;    ///< by SHA-256; empty: no key is asked for
  std::vector<std::string> approval_tools;  ///< business.approval: marked in the answer, never approved here
};

}  // namespace suffice::policy
