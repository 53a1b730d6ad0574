// What a policy file says, and what it is told when it is wrong. The broken files are examples/policies/*.yaml; the
// lines expected of each stand beside it in NAME.expected. UPDATE_GOLDEN=1 rewrites those: review the diff.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "policy/policy_store.hpp"
#include "policy/schema_check.hpp"
#include "policy/yaml_document.hpp"

namespace suffice::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

const fs::path kExamples = fs::path(SUFFICE_SOURCE_DIR) / "examples";

std::string contents(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

/// A whole policy around `tasks`; `extra` comes first.
std::string with_tasks(const std::string& tasks, const std::string& extra = "") {
  return "version: 1\n" + extra +
         "models:\n"
         "  mini: {provider: embedded, model: mini.gguf}\n"
         "  big: {provider: openai, model: big-1, api_key: {env: BIG_KEY}, price: {input: 1, output: 2}}\n"
         "tasks:\n" +
         tasks;
}

Loaded parse(const std::string& yaml, const Environment& environment = environment_of({{"BIG_KEY", "x"}})) {
  return parse_policy(yaml, "/etc/suffice/policy.yaml", environment);
}

TEST(ParsePolicy, ReadsTheShippedExampleWithoutProblemsOrWarnings) {
  const Loaded loaded =
      parse_policy(contents(kExamples / "policy.yaml"), kExamples / "policy.yaml", environment_of({}));

  EXPECT_THAT(to_lines(loaded.problems), IsEmpty());
  EXPECT_THAT(to_lines(loaded.warnings), IsEmpty());
  ASSERT_TRUE(loaded.policy);
  const Task& issue = loaded.policy->tasks.at("classify_issue");
  EXPECT_THAT(issue.labels, ElementsAre("build", "test", "dependency", "security", "access", "unknown"));
  EXPECT_THAT(issue.escalate_labels, ElementsAre("security", "access", "unknown"));
  EXPECT_EQ(issue.min_confidence, 0.72);
  EXPECT_EQ(issue.max_input_chars, 6000);
  EXPECT_EQ(issue.confidence, ConfidenceSignal::LabelProbability);
  EXPECT_EQ(issue.tiers.front(), (Tier{.model = "suffice-mini", .prompt = "classify_issue_mini@1"}));
  EXPECT_EQ(loaded.policy->tasks.at("summarize_log").min_confidence, 0.68);
  EXPECT_EQ(loaded.policy->tasks.at("intent").labels.size(), 151U);
  EXPECT_FALSE(loaded.policy->tasks.at("security_review").local);
  EXPECT_FALSE(loaded.policy->tasks.at("propose_code_change").local);
}

TEST(ParsePolicy, EveryPromptOfTheShippedExampleIsThere) {
  const Loaded loaded = load_policy(kExamples / "policy.yaml", environment_of({}));

  EXPECT_THAT(to_lines(loaded.problems), IsEmpty());
  for (const Problem& warning : loaded.warnings) EXPECT_THAT(warning.message, ::testing::StartsWith("no file "));
}

TEST(ParsePolicy, AnAliasIsItsFirstCandidateWhoseSecretIsPresent) {
  const std::string yaml = contents(kExamples / "policy.yaml");
  const auto frontier = [&](std::map<std::string, std::string> variables) {
    const Loaded loaded = parse_policy(yaml, kExamples / "policy.yaml", environment_of(std::move(variables)));
    EXPECT_TRUE(loaded.policy) << to_lines(loaded.problems);
    EXPECT_EQ(loaded.policy->tasks.at("chat").tiers.back().model, loaded.policy->frontier);
    return loaded.policy->frontier;
  };

  EXPECT_EQ(frontier({}), "stand-in");
  EXPECT_EQ(frontier({{"ANTHROPIC_API_KEY", "k"}}), "claude");
  EXPECT_EQ(frontier({{"ANTHROPIC_API_KEY", "k"}, {"OPENAI_API_KEY", "k"}}), "gpt");
  EXPECT_EQ(frontier({{"AZURE_OPENAI_API_KEY", "k"}}), "stand-in") << "a key without an endpoint is no use";
  EXPECT_EQ(frontier({{"AZURE_OPENAI_API_KEY", "k"}, {"AZURE_OPENAI_ENDPOINT", "https://x.openai.azure.com"}}),
            "azure");
}

TEST(ParsePolicy, TasksTakeDefaultsAndOutrankThem) {
  const Loaded loaded =
      parse(with_tasks("  plain: {}\n  own: {owner: us, max_input_chars: 5}\n",
                       "defaults: {tiers: [big], owner: them, max_input_chars: 9, retry_local: 0}\n"));

  ASSERT_TRUE(loaded.policy) << to_lines(loaded.problems);
  EXPECT_EQ(loaded.policy->tasks.at("plain").owner, "them");
  EXPECT_EQ(loaded.policy->tasks.at("plain").max_input_chars, 9);
  EXPECT_EQ(loaded.policy->tasks.at("own").owner, "us");
  EXPECT_EQ(loaded.policy->tasks.at("own").max_input_chars, 5);
  EXPECT_EQ(loaded.policy->tasks.at("own").retry_local, 0);
}

TEST(ParsePolicy, SaysWhichModelFilesMayBeLoaded) {
  const std::string a(64, 'a');
  const std::string b(64, 'b');
  const Loaded loaded = parse("version: 1\nallowed_models: [" + a +
                              "]\n"
                              "models:\n"
                              "  listed: {provider: embedded, model: m.gguf}\n"
                              "  pinned: {provider: embedded, model: m.gguf, sha256: " +
                              b +
                              "}\n"
                              "  trusted: {provider: embedded, model: m.gguf, trust: yes}\n"
                              "  stored: {provider: embedded, model: 'store:qwen'}\n"
                              "tasks:\n  t: {tiers: [listed]}\n");
  ASSERT_TRUE(loaded.policy) << to_lines(loaded.problems);
  const std::map<std::string, Model>& models = loaded.policy->models;
  EXPECT_THAT(models.at("listed").digests_allowed, ElementsAre(a));
  EXPECT_EQ(models.at("pinned").sha256, b);
  EXPECT_TRUE(models.at("trusted").trust);
  EXPECT_EQ(models.at("stored").model, "store:qwen") << "no path";
}

TEST(ParsePolicy, RefusesTrustThatMeansNothing) {
  const std::string digest(64, 'a');
  const Loaded both = parse("version: 1\nmodels:\n  m: {provider: embedded, model: m, trust: yes, sha256: " + digest +
                            "}\ntasks:\n  t: {tiers: [m]}\n");
  EXPECT_THAT(to_lines(both.problems), ::testing::HasSubstr("pinned by sha256 already"));
  const Loaded hosted =
      parse("version: 1\nmodels:\n  m: {provider: ollama, model: m, trust: yes}\ntasks:\n  t: {tiers: [m]}\n");
  EXPECT_THAT(to_lines(hosted.problems), ::testing::HasSubstr("only embedded models have it"));
  const Loaded digits = parse(with_tasks("  t: {tiers: [big]}\n", "allowed_models: [abc]\n"));
  EXPECT_THAT(to_lines(digits.problems), ::testing::HasSubstr("sha256sum"));
}

TEST(ParsePolicy, ReadsEveryUnitAndWordOfAModel) {
  const Loaded loaded = parse(
      "version: 1\nmodels:\n  m:\n    provider: azure\n    model: dep\n    endpoint: https://h.example/\n"
      "    api_key: {file: keys/azure}\n    price: {input: 2, output: 8}\n"
      "    timeouts: {connect: 500ms, first_token: 20s, total: 2m}\n"
      "    retries: {attempts_max: 5, backoff_first: 250ms}\n    breaker: {failures_to_open: 2, open_for: 1500ms}\n    quota: {tokens_per_minute: 1000}\n"
      "    sampling: {temperature: 0, stop: [END]}\n"
      "  near: {provider: ollama, model: phi4-mini}\n"
      "  far: {provider: ollama, model: phi4-mini, endpoint: 'http://10.0.0.7:11434', price: {input: 0}}\n"
      "tasks:\n  t: {tiers: [m], rollout: {stage: canary, groups: [beta], percent: 5}, budget: {usd_per_request: 0.05}}\n");

  ASSERT_TRUE(loaded.policy) << to_lines(loaded.problems);
  const Model& model = loaded.policy->models.at("m");
  EXPECT_EQ(model.provider, ProviderKind::Azure);
  EXPECT_EQ(model.api_key, (SecretRef{.kind = SecretRef::Kind::File, .source = "/etc/suffice/keys/azure"}));
  EXPECT_EQ(model.price.cached_per_million, 2) << "the input price when absent";
  EXPECT_EQ(model.timeouts.connect, std::chrono::milliseconds(500));
  EXPECT_EQ(model.timeouts.first_token, std::chrono::seconds(20));
  EXPECT_EQ(model.timeouts.total, std::chrono::minutes(2));
  EXPECT_EQ(model.timeouts.idle, Timeouts().idle);
  EXPECT_EQ(model.retries.attempts_max, 5);
  EXPECT_EQ(model.breaker, (Breaker{.failures_to_open = 2, .open_for = std::chrono::milliseconds(1500)}));
  EXPECT_EQ(model.quota.tokens_per_minute, 1000);
  EXPECT_EQ(model.sampling.temperature, 0.0);
  EXPECT_FALSE(model.local);
  EXPECT_TRUE(loaded.policy->models.at("near").local);
  EXPECT_FALSE(loaded.policy->models.at("far").local);
  const Task& task = loaded.policy->tasks.at("t");
  EXPECT_EQ(task.rollout, RolloutStage::Canary);
  EXPECT_THAT(task.rollout_groups, ElementsAre("beta"));
  EXPECT_EQ(task.rollout_percent, 5);
  EXPECT_EQ(task.budget_per_request, Usd::from_dollars(0.05));
}

TEST(ParsePolicy, ReadsAdaptersOfAModelAndOfATask) {
  const Loaded loaded = parse(
      "version: 1\nmodels:\n  m:\n    provider: embedded\n    model: base.gguf\n"
      "    adapters: {triage: lora/triage.gguf, german: /german.gguf}\n"
      "    adapter: german\n    adapter_scale: 0.5\n    adapter_missing: base\n"
      "tasks:\n  t: {tiers: [m], adapter: triage, samples: 5, confidence: agreement, min_confidence: 0.8}\n");

  ASSERT_TRUE(loaded.policy) << to_lines(loaded.problems);
  const Model& model = loaded.policy->models.at("m");
  EXPECT_EQ(model.adapter, "german");
  EXPECT_EQ(model.adapter_scale, 0.5);
  EXPECT_TRUE(model.adapter_or_base);
  EXPECT_EQ(model.adapters, (std::map<std::string, std::string>{{"triage", "/etc/suffice/lora/triage.gguf"},
                                                                {"german", "/german.gguf"}}));
  const Task& task = loaded.policy->tasks.at("t");
  EXPECT_EQ(task.adapter, "triage");
  EXPECT_EQ(task.samples, 5);
  EXPECT_EQ(task.confidence, ConfidenceSignal::Agreement);
}

TEST(ParsePolicy, ReadsPinnedAdaptersTheAdaptersOfATierReductionAndRegex) {
  const std::string digest(64, 'a');
  const Loaded loaded = parse(
      "version: 1\nmodels:\n  m:\n    provider: embedded\n    model: base.gguf\n"
      "    adapters: {a: {file: lora/a.gguf, sha256: " +
      digest +
      "}, b: b.gguf}\n"
      "tasks:\n  t:\n    tiers: [{model: m, adapters: {a: 0.5, b: 1}}, m]\n    regex: '[A-Z]+-\\d+'\n"
      "    max_input_chars: 2000\n    reduce: build_log\n");

  ASSERT_TRUE(loaded.policy) << to_lines(loaded.problems);
  const Model& model = loaded.policy->models.at("m");
  EXPECT_EQ(model.adapters.at("a"), "/etc/suffice/lora/a.gguf");
  EXPECT_EQ(model.adapter_sha256, (std::map<std::string, std::string>{{"a", digest}}));
  const Task& task = loaded.policy->tasks.at("t");
  EXPECT_EQ(task.tiers.at(0).adapters, (std::vector<AdapterUse>{{"a", 0.5}, {"b", 1}}));
  EXPECT_TRUE(task.tiers.at(1).adapters.empty());
  EXPECT_EQ(task.regex, "[A-Z]+-\\d+");
  EXPECT_EQ(task.reduce, InputReduction::BuildLog);
}

TEST(ParsePolicy, RefusesTierAdaptersAndRegexesThatCannotWork) {
  const Loaded loaded = parse(
      "version: 1\nmodels:\n  m: {provider: embedded, model: base.gguf, adapters: {german: g.gguf}}\n"
      "tasks:\n  t: {tiers: [{model: m, adapters: {germen: 1}}], regex: '('}\n"
      "  u: {tiers: [m], labels: [a, b], regex: a}\n");

  const std::string lines = to_lines(loaded.problems);
  EXPECT_THAT(lines, ::testing::HasSubstr("models.m.adapters has no such adapter (did you mean \"german\"?)"));
  EXPECT_THAT(lines, ::testing::HasSubstr("not an RE2 expression: missing )"));
  EXPECT_THAT(lines, ::testing::HasSubstr("labels, a schema or a regex, not two of them"));
}

TEST(ParsePolicy, RefusesAdaptersAndSamplesThatCannotWork) {
  const Loaded loaded = parse(
      "version: 1\nmodels:\n  m: {provider: embedded, model: base.gguf, adapter: german}\n"
      "tasks:\n  t: {tiers: [m], confidence: agreement, min_confidence: 0.8}\n"
      "  u: {tiers: [m], labels: [a, b], samples: 3}\n");

  const std::string lines = to_lines(loaded.problems);
  EXPECT_THAT(lines, ::testing::HasSubstr("adapters does not list german"));
  EXPECT_THAT(lines, ::testing::HasSubstr("agreement needs several answers"));
  EXPECT_THAT(lines, ::testing::HasSubstr("samples of them add nothing"));
}

TEST(ParsePolicy, ReadsWhatProvesATasksThresholdAndATiersOwn) {
  const std::string digest(64, 'a');
  const Loaded loaded = parse(
      "version: 1\nmodels:\n  m: {provider: embedded, model: m.gguf}\n  n: {provider: embedded, model: n.gguf}\n"
      "tasks:\n  t:\n    tiers: [m, {model: n, calibrator: n.cal, certificate: n.cert}]\n"
      "    calibrator: proofs/m.cal\n    certificate: {file: proofs/m.cert, data_sha256: " +
      digest + "}\n");

  ASSERT_TRUE(loaded.policy) << to_lines(loaded.problems);
  const Task& task = loaded.policy->tasks.at("t");
  EXPECT_EQ(task.proof, (Proof{.calibrator = "/etc/suffice/proofs/m.cal",
                               .certificate = "/etc/suffice/proofs/m.cert",
                               .data_sha256 = digest}));
  EXPECT_TRUE(task.tiers[0].proof.empty());
  EXPECT_EQ(task.tiers[1].proof.certificate, "/etc/suffice/n.cert");
  EXPECT_THAT(to_lines(loaded.warnings), ::testing::Not(::testing::HasSubstr("no local answer is served")));
}

TEST(ParsePolicy, WarnsOfALocalTierThatNothingProves) {
  const Loaded loaded = parse(
      "version: 1\nmodels:\n  m: {provider: embedded, model: m.gguf}\n"
      "tasks:\n  t: {tiers: [m], confidence: mean_logprob, calibrator: m.cal}\n");

  ASSERT_TRUE(loaded.policy) << to_lines(loaded.problems);
  EXPECT_THAT(to_lines(loaded.warnings), ::testing::HasSubstr("neither a certificate nor a min_confidence"));
}

TEST(ParsePolicy, RefusesACertificateBesideARawThresholdOrForAnothersCalibrator) {
  const Loaded loaded = parse(
      "version: 1\nmodels:\n  m: {provider: embedded, model: m.gguf}\n"
      "tasks:\n  both: {tiers: [m], confidence: mean_logprob, min_confidence: 0.8, certificate: m.cert}\n"
      "  mixed: {tiers: [{model: m, calibrator: m.cal}], certificate: t.cert}\n"
      "  raw: {tiers: [{model: m, certificate: m.cert}], confidence: mean_logprob, min_confidence: 0.8}\n");

  const std::string lines = to_lines(loaded.problems);
  EXPECT_THAT(lines, ::testing::HasSubstr("tasks.both.certificate"));
  EXPECT_THAT(lines, ::testing::HasSubstr("tasks.mixed.tiers[0].calibrator"));
  EXPECT_THAT(lines, ::testing::HasSubstr("tasks.raw.tiers[0].certificate"));
}

TEST(ParsePolicy, ReadsWorkflowsAndWhatRunsInShadowOrIsKept) {
  const Loaded loaded = parse(with_tasks(
      "  t: {tiers: [big], candidate: {model: mini, certificate: m.cert}, vault: {ttl: 7d}}\n",
      "hard_stops: {secret: {reason: hard_stop_security, words: [password]}}\nshadow: {usd_per_day: 2.5, at_once: 3}\n"
      "workflows:\n  plain: flows/plain.yaml\n"
      "  careful: {file: /flows/careful.yaml, description: Long documents, hard_stops: [secret], on_hard_stop: frontier}\n"));

  ASSERT_TRUE(loaded.policy) << to_lines(loaded.problems);
  const Policy& policy = *loaded.policy;
  EXPECT_EQ(policy.workflows.at("plain").file, "/etc/suffice/flows/plain.yaml");
  EXPECT_EQ(policy.workflows.at("plain").on_hard_stop, OnHardStop::Refuse);
  EXPECT_EQ(policy.workflows.at("careful"), (WorkflowEntry{.name = "careful",
                                                           .file = "/flows/careful.yaml",
                                                           .description = "Long documents",
                                                           .hard_stops = {"secret"},
                                                           .on_hard_stop = OnHardStop::Frontier}));
  EXPECT_EQ(policy.shadow, (ShadowLimits{.usd_per_day = Usd::from_dollars(2.5), .at_once = 3}));
  EXPECT_EQ(policy.tasks.at("t").candidate->model, "mini");
  EXPECT_EQ(policy.tasks.at("t").candidate->proof.certificate, "/etc/suffice/m.cert");
  EXPECT_EQ(policy.tasks.at("t").vault_ttl, std::chrono::hours(7 * 24));
}

TEST(ParsePolicy, RefusesWorkflowsThatCouldNotBeNamedOrStopped) {
  const Loaded loaded =
      parse(with_tasks("  t: {tiers: [big], candidate: minni, vault: {ttl: 7 days}}\n",
                       "workflows:\n  t: a.yaml\n  auto: b.yaml\n  c: {file: c.yaml, hard_stops: [no]}\n"));

  const std::string lines = to_lines(loaded.problems);
  EXPECT_THAT(lines, ::testing::HasSubstr("such as 12h or 7d"));
  const Loaded rest =
      parse(with_tasks("  t: {tiers: [big], candidate: minni}\n",
                       "workflows:\n  t: a.yaml\n  auto: b.yaml\n  c: {file: c.yaml, hard_stops: [no]}\n"));
  const std::string more = to_lines(rest.problems);
  EXPECT_THAT(more, ::testing::HasSubstr("no model has the name minni (did you mean \"mini\"?)"));
  EXPECT_THAT(more, ::testing::HasSubstr("a task has this name too"));
  EXPECT_THAT(more, ::testing::HasSubstr("suffice/auto has a meaning already"));
  EXPECT_THAT(more, ::testing::HasSubstr("no group of hard_stops has this name"));
}

TEST(ParsePolicy, TheVersionIsTheStartOfTheFilesDigest) {
  const std::string yaml = with_tasks("  t: {tiers: [big]}\n");

  EXPECT_EQ(parse(yaml).policy->version, parse(yaml).policy->version);
  EXPECT_NE(parse(yaml).policy->version, parse(yaml + "\n").policy->version);
}

TEST(ParsePolicy, AnchorsAreExpanded) {
  const Loaded loaded = parse(with_tasks("  a: &a {tiers: [big], labels: [x, y]}\n  b: *a\n"));

  ASSERT_TRUE(loaded.policy) << to_lines(loaded.problems);
  EXPECT_THAT(loaded.policy->tasks.at("b").labels, ElementsAre("x", "y"));
}

TEST(ParsePolicy, ABillionLaughsAreRefusedQuickly) {
  std::string yaml = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    yaml += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 0; j < 9; ++j) yaml += "," + last;
    yaml += "]\n";
  }

  const Loaded loaded = parse(yaml);

  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_THAT(loaded.problems[0].message, ::testing::HasSubstr("values after expanding aliases"));
}

TEST(ParsePolicy, LimitsOfSizeAndDepthHold) {
  EXPECT_THAT(to_lines(parse(std::string(2U << 20, '#')).problems), ::testing::HasSubstr("bytes; at most"));
  EXPECT_THAT(to_lines(parse("a: " + std::string(60, '[')).problems), ::testing::HasSubstr("nested deeper than 48"));
  EXPECT_FALSE(parse("a: " + std::string(100'000, '[')).policy);
  EXPECT_FALSE(parse(std::string("version: 1\x04\n")).policy);
}

struct WarningCase {
  const char* name;
  std::string yaml;
  const char* warning;
};

TEST(ParsePolicy, WarnsOfWhatWorksButHardlyAsMeant) {
  const std::vector<WarningCase> cases{
      {"both_zero", with_tasks("  t: {tiers: [big], sampling: {temperature: 0, top_p: 0}}\n"), "both 0"},
      {"empty_canary", with_tasks("  t: {tiers: [big], rollout: {stage: canary, percent: 0}}\n"), "serves nobody"},
      {"never_served", with_tasks("  t: {tiers: [mini, big]}\n"), "no local answer is served"},
  };
  for (const WarningCase& one : cases) {
    const Loaded loaded = parse(one.yaml);
    EXPECT_TRUE(loaded.policy) << one.name << to_lines(loaded.problems);
    EXPECT_THAT(to_lines(loaded.warnings), ::testing::HasSubstr(one.warning)) << one.name;
  }
  const Loaded keyless = parse(with_tasks("  t: {tiers: [big]}\n"), environment_of({}));
  ASSERT_TRUE(keyless.policy);
  EXPECT_THAT(to_lines(keyless.warnings), ::testing::HasSubstr("the secret or endpoint of \"big\" is not set"));
}

TEST(ParsePolicy, NeverQuotesASecret) {
  const std::string secret = "sk-proj-abcdefghijklmnop1234567890";
  const std::vector<std::string> places{
      "api_key: " + secret,
      "api_key: {env: " + secret + "}",
      "api_key: {value: " + secret + "}",
      "model: " + secret,
      "provider: " + secret,
      "price: " + secret,
      "endpoint: 'https://h.example/" + secret + "'",
      "timeouts: " + secret,
  };
  for (const std::string& place : places) {
    const Loaded loaded = parse("version: 1\nmodels:\n  m:\n    " + place + "\ntasks: {t: {tiers: [m]}}\n");

    EXPECT_FALSE(loaded.policy) << place;
    EXPECT_THAT(to_lines(loaded.problems), ::testing::Not(::testing::HasSubstr("abcdefghijklmnop"))) << place;
  }
}

TEST(ParsePolicy, PutsAClassifierBesideTheWordsOfAHardStopNeverInTheirPlace) {
  const std::string models =
      "version: 1\nmodels: {m: {provider: ollama, model: x, endpoint: 'http://127.0.0.1:1'}}\n"
      "tasks: {t: {tiers: [m], hard_stops: [s]}}\n";
  const std::string classifier = "classifier: {file: s.lin, label: security, threshold: 0.2}";

  const Loaded beside =
      parse(models + "hard_stops: {s: {reason: hard_stop_security, words: [cve], " + classifier + "}}\n");
  const Loaded alone = parse(models + "hard_stops: {s: {reason: hard_stop_security, " + classifier + "}}\n");
  const Loaded never = parse(models +
                             "hard_stops: {s: {reason: hard_stop_security, words: [cve], "
                             "classifier: {file: s.lin, label: security, threshold: 0}}}\n");

  ASSERT_TRUE(beside.policy) << to_lines(beside.problems);
  const auto& read = beside.policy->hard_stops.at("s").classifier;
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->file.ends_with("s.lin"));
  EXPECT_EQ(read->label, "security");
  EXPECT_EQ(read->threshold, 0.2);
  EXPECT_THAT(to_lines(alone.problems), ::testing::HasSubstr("never alone"));
  EXPECT_THAT(to_lines(never.problems), ::testing::HasSubstr("threshold"));
}

TEST(BrokenPolicies, EachGetsExactlyTheExpectedLines) {
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(kExamples / "policies")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const std::string name = entry.path().filename().string();
    const Loaded loaded = parse_policy(contents(entry.path()), name, environment_of({}));
    std::string lines = to_lines(loaded.problems) + "\n";
    if (!loaded.warnings.empty()) lines += "warnings:\n" + to_lines(loaded.warnings) + "\n";
    fs::path golden = entry.path();
    golden.replace_extension(".expected");
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(golden, std::ios::binary) << lines;

    EXPECT_EQ(lines, contents(golden)) << name;
    EXPECT_FALSE(loaded.policy) << name;
  }
  EXPECT_GE(files, 8U);
}

TEST(BrokenPolicies, TheWordsAndValijsonAgreeOnWhatBreaksTheSchema) {
  for (const auto& entry : fs::directory_iterator(kExamples / "policies")) {
    if (entry.path().extension() != ".yaml") continue;
    std::vector<Problem> problems;
    const YamlDocument document = YamlDocument::parse(contents(entry.path()), "x", problems);
    if (!problems.empty()) continue;

    EXPECT_EQ(policy_schema().check(document, problems), policy_schema().valid(document.root())) << entry.path();
  }
}

}  // namespace
}  // namespace suffice::policy
