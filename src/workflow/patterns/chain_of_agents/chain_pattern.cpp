#include "workflow/patterns/chain_of_agents/chain_pattern.hpp"

#include <memory>
#include <utility>

#include "workflow/patterns/chain_of_agents/chain.hpp"
#include "workflow/patterns/chain_of_agents/chain_worker.hpp"

namespace suffice::workflow::chain {
namespace {

std::size_t count_of(const policy::Fields& fields, std::string_view key, std::size_t otherwise) {
  return static_cast<std::size_t>(fields.integer(key, static_cast<std::int64_t>(otherwise)));
}

ChainSpec spec_of(const policy::Fields& fields) {
  ChainSpec spec;
  if (fields.has("paths")) spec.paths.clear();
  for (const std::string& path : fields.texts("paths")) {
    if (const std::optional<ReadingOrder> order = reading_order_named(path)) spec.paths.push_back(*order);
  }
  spec.budget.window = fields.integer("window", spec.budget.window);
  spec.budget.headroom = fields.integer("headroom", spec.budget.headroom);
  spec.budget.state = fields.integer("state_tokens", spec.budget.state);
  spec.budget.chunk_max = fields.integer("chunk_tokens", spec.budget.chunk_max);
  spec.hops_max = count_of(fields, "hops_max", spec.hops_max);
  spec.facts_max = count_of(fields, "facts_max", spec.facts_max);
  spec.reply.facts_max = count_of(fields, "facts_per_part", spec.reply.facts_max);
  spec.reply.quotes.bytes_max = count_of(fields, "quote_bytes_max", spec.reply.quotes.bytes_max);
  spec.unread_in_a_row_max = count_of(fields, "unread_in_a_row_max", spec.unread_in_a_row_max);
  spec.answer_tokens_max = fields.integer("answer_tokens", spec.answer_tokens_max);
  if (fields.text("share") == "everything") spec.share = Shown::Everything;
  return spec;
}

std::shared_ptr<const Flow> read(PatternBlock& block) {
  const policy::Fields fields = block.fields();
  ChainSpec spec = spec_of(fields);
  ChainModels models;
  models.manager = block.model("frontier");
  if (const std::shared_ptr<const PortModel> worker = block.model("worker")) {
    models.worker = model_worker(worker, spec.reply, spec.budget.headroom);
  } else {
    ExtractiveOptions options;
    options.sentences_max = count_of(fields, "sentences_per_part", options.sentences_max);
    options.score_min = fields.number("score_min").value_or(options.score_min);
    options.sentence_bytes_max = spec.reply.quotes.bytes_max;
    spec.reply.facts_max = std::max(spec.reply.facts_max, options.sentences_max);
    models.worker = extractive_worker(options);
  }
  Result<std::shared_ptr<const Flow>> flow = chain_flow(spec, models);
  if (flow) return *std::move(flow);
  block.problem(flow.error().where == "paths" ? "paths" : "", flow.error().message);
  return nullptr;
}

}  // namespace

Pattern chain_pattern() {
  return {.name = "chain", .roles_needed = {}, .roles_allowed = {"worker", "frontier"}, .read = read};
}

}  // namespace suffice::workflow::chain
