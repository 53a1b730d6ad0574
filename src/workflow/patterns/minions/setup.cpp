#include "workflow/patterns/minions/setup.hpp"

#include <string>
#include <string_view>
#include <utility>

#include <boost/json.hpp>

#include "core/hash.hpp"
#include "policy/fields.hpp"
#include "wire/json.hpp"

namespace suffice::workflow::minions {
namespace {

using policy::Fields;

std::size_t size_of(const Fields& fields, std::string_view key, std::size_t otherwise) {
  return static_cast<std::size_t>(fields.integer(key, static_cast<std::int64_t>(otherwise)));
}

/// A block while it is read: remembers whether anything was wrong.
struct Reading {
  PatternBlock& block;
  const Fields fields;
  bool good = true;

  void problem(std::string_view where, std::string message) {
    good = false;
    block.problem(where, std::move(message));
  }
};

void read_limits(Reading& of, Limits& limits) {
  limits.rounds_max = size_of(of.fields, "rounds", limits.rounds_max);
  limits.tasks_max = size_of(of.fields, "tasks", limits.tasks_max);
  limits.jobs_max = size_of(of.fields, "jobs", limits.jobs_max);
  limits.samples_max = size_of(of.fields, "samples", limits.samples_max);
  limits.fact_bytes = size_of(of.fields, "fact_bytes", limits.fact_bytes);
  limits.fact_units = size_of(of.fields, "fact_units", limits.fact_units);
  limits.chunk_bytes_max = size_of(of.fields, "chunk_bytes", limits.chunk_bytes_max);
  limits.citation_bytes_max = size_of(of.fields, "citation_bytes", limits.citation_bytes_max);
  limits.cited_bytes_max = size_of(of.fields, "cited_bytes", limits.cited_bytes_max);
  limits.note_characters_max = size_of(of.fields, "note_characters", limits.note_characters_max);
  const Result<void> checked = limits.check();
  if (checked) return;
  // "minions.rounds" is the member "rounds"; the range that a default breaks has no member, and then it is the block's problem.
  const std::string member = checked.error().where.substr(checked.error().where.find('.') + 1);
  of.problem(of.fields.has(member) ? member : "", checked.error().message);
}

void read_manifest(Reading& of, MinionsSpec& spec) {
  const boost::json::value* value = of.fields.find("manifest");
  if (value == nullptr) return;
  Result<JobManifest> manifest = parse_manifest(wire::to_json_text(*value).text, spec.limits);
  if (manifest) {
    spec.manifest = *std::move(manifest);
  } else {
    of.problem("manifest", manifest.error().message);
  }
}

void read_spans(Reading& of, MinionsSetup& setup) {
  const Fields spans = of.fields.below("spans");
  if (!of.fields.has("spans")) {
    if (setup.worker == nullptr) of.problem("", "nobody reads: models: names no worker, and there is no `spans`");
    return;
  }
  if (setup.worker != nullptr) {
    of.problem("spans", "a model is the worker already; passages are chosen by `spans` or read by a model, not both");
    return;
  }
  SpanReading reading{.selector = std::make_shared<const SpanSelector>(), .limits = setup.spec.limits};
  reading.share = spans.number("share").value_or(reading.share);
  if (spans.has("model")) {
    Result<SpanSelector> selector = SpanSelector::load(of.block.folder() / spans.text("model"));
    if (!selector) {
      of.problem("spans/model", describe(selector.error()));
      return;
    }
    reading.selector = std::make_shared<const SpanSelector>(*std::move(selector));
  }
  setup.spans = std::move(reading);
}

void read_worker(Reading& of, MinionsSetup& setup) {
  ModelReading& reading = setup.model_reading;
  reading.limits = setup.spec.limits;
  reading.output_tokens_max = of.fields.integer("worker_tokens", reading.output_tokens_max);
  reading.later_temperature = of.fields.number("temperature").value_or(reading.later_temperature);
  if (setup.worker == nullptr) return;
  if (const Result<MakeWorker> reader = model_reader(setup.worker, reading); !reader)
    of.problem("", describe(reader.error()));
}

/// What answers depend on: the block, the models and the selection.
std::string version_of(const Fields& fields, const MinionsSetup& setup) {
  std::string text = wire::canonical_json(fields.object());
  for (const auto* model : {&setup.worker, &setup.frontier}) {
    if (*model != nullptr) text += ' ' + (*model)->model.name + ' ' + (*model)->model.model;
  }
  if (setup.spans) text += ' ' + setup.spans->selector->digest();
  return sha256_hex(text).substr(0, 16);
}

}  // namespace

std::shared_ptr<const MinionsSetup> read_minions_setup(PatternBlock& block) {
  Reading of{.block = block, .fields = block.fields()};
  auto setup = std::make_shared<MinionsSetup>();
  setup->frontier = block.model("frontier");
  setup->worker = block.model("worker");
  MinionsSpec& spec = setup->spec;
  read_limits(of, spec.limits);
  spec.document.bytes_max = size_of(of.fields, "document_bytes", spec.document.bytes_max);
  spec.at_once = size_of(of.fields, "at_once", spec.at_once);
  spec.remote_output_tokens_max = of.fields.integer("answer_tokens", spec.remote_output_tokens_max);
  spec.remote_tokens_max = of.fields.integer("remote_tokens", spec.remote_tokens_max);
  read_manifest(of, spec);
  read_spans(of, *setup);
  read_worker(of, *setup);
  spec.name = block.workflow();
  spec.version = version_of(of.fields, *setup);
  // A needed role without a model has been reported.
  return of.good && setup->frontier != nullptr ? setup : nullptr;
}

Pattern minions_pattern() {
  Pattern pattern;
  pattern.name = "minions";
  pattern.roles_needed = {"frontier"};
  pattern.roles_allowed = {"worker"};
  pattern.read = [](PatternBlock& block) -> std::shared_ptr<const Flow> {
    const std::shared_ptr<const MinionsSetup> setup = read_minions_setup(block);
    if (setup == nullptr) return nullptr;
    MakeWorker worker =
        setup->spans ? span_reader(*setup->spans) : model_reader(setup->worker, setup->model_reading).value();
    Result<std::shared_ptr<const Flow>> flow =
        build_minions(std::shared_ptr<const MinionsSpec>(setup, &setup->spec), std::move(worker), setup->frontier);
    if (flow) return *std::move(flow);
    block.problem("", describe(flow.error()));
    return nullptr;
  };
  return pattern;
}

}  // namespace suffice::workflow::minions
