#include "workflow/patterns/chain_of_agents/worker_reply.hpp"

#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/text.hpp"
#include "wire/json.hpp"

namespace suffice::workflow::chain {
namespace {

namespace json = boost::json;

constexpr std::size_t kReplyBytesMax = 1UL << 20;
constexpr std::size_t kDepthMax = 8;

std::unexpected<Error> rejected(std::string message, std::string where) {
  return fail(ErrorCode::OutputRejected, std::move(message), std::move(where));
}

/// The inside of one code fence around everything, else the text.
std::string_view unfenced(std::string_view text) {
  text = trim(text);
  if (!text.starts_with("```") || !text.ends_with("```") || text.size() < 6) return text;
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos || line > text.size() - 3) return text;
  return trim(text.substr(line + 1, text.size() - 3 - line - 1));
}

bool says_nothing(std::string_view text) {
  const std::string folded = fold_case(trim(text));
  return folded.empty() || folded == "none" || folded == "null" || folded == "n/a" || folded == "nothing";
}

Result<std::string> text_member(const json::object& object, std::string_view name, std::string where,
                                std::size_t bytes_max) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return std::string();
  if (!value->is_string()) return rejected("is no text", std::move(where));
  const std::string_view text = trim(std::string_view(value->as_string()));
  if (text.size() > bytes_max) return rejected(fmt::format("is longer than {} bytes", bytes_max), std::move(where));
  return std::string(text);
}

Result<ProposedFact> fact_of(const json::value& value, std::size_t number, const ReplyLimits& limits) {
  const std::string where = fmt::format("/facts/{}", number);
  if (!value.is_object()) return rejected("is no object with a fact and a quote", where);
  for (const auto& member : value.as_object()) {
    if (member.key() != "fact" && member.key() != "quote")
      return rejected("has members that were not asked for", where);
  }
  ProposedFact fact;
  SUFFICE_TRY(fact.text, text_member(value.as_object(), "fact", where + "/fact", limits.fact_bytes_max));
  // A quote that is too long is found out when it is checked, and counted with those that do not stand in the chunk.
  SUFFICE_TRY(fact.quote, text_member(value.as_object(), "quote", where + "/quote", kReplyBytesMax));
  if (fact.quote.empty()) return rejected("has no quote", where);
  return fact;
}

}  // namespace

Result<WorkerReply> parse_worker_reply(std::string_view text, const ReplyLimits& limits) {
  const Result<json::value> value =
      wire::parse_json(unfenced(text), {.depth_max = kDepthMax, .bytes_max = kReplyBytesMax});
  if (!value) return rejected("the worker's answer is no JSON, or was cut off", {});
  if (!value->is_object()) return rejected("the worker's answer is no JSON object", {});
  const json::object& object = value->as_object();
  for (const auto& member : object) {
    if (member.key() != "facts" && member.key() != "summary")
      return rejected("has members that were not asked for", {});
  }
  const json::value* facts = object.if_contains("facts");
  if (facts == nullptr && !object.contains("summary")) return rejected("neither facts nor a summary", {});
  WorkerReply reply;
  if (facts != nullptr && !facts->is_null()) {
    if (!facts->is_array()) return rejected("is no array", "/facts");
    if (facts->as_array().size() > limits.facts_max)
      return rejected(fmt::format("more than {} facts", limits.facts_max), "/facts");
    for (const json::value& each : facts->as_array()) {
      SUFFICE_TRY(ProposedFact fact, fact_of(each, reply.facts.size(), limits));
      reply.facts.push_back(std::move(fact));
    }
  }
  SUFFICE_TRY(std::string summary, text_member(object, "summary", "/summary", limits.summary_bytes_max));
  if (!says_nothing(summary)) reply.summary = std::move(summary);
  return reply;
}

JsonText worker_reply_schema(const ReplyLimits& limits) {
  const json::object text{{"type", "string"}};
  const json::object fact{{"type", "object"},
                          {"properties", json::object{{"fact", text}, {"quote", text}}},
                          {"required", json::array{"fact", "quote"}},
                          {"additionalProperties", false}};
  const json::object facts{{"type", "array"}, {"items", fact}, {"maxItems", limits.facts_max}};
  return wire::to_json_text(json::object{{"type", "object"},
                                         {"properties", json::object{{"facts", facts}, {"summary", text}}},
                                         {"required", json::array{"facts", "summary"}},
                                         {"additionalProperties", false}});
}

TakenFacts take_facts(const WorkerReply& reply, std::string_view document, TextRange chunk, std::size_t chunk_number,
                      const QuoteRules& rules, std::size_t facts_max, CarriedState& state) {
  TakenFacts taken;
  for (const ProposedFact& fact : reply.facts) {
    const CheckedQuote checked = check_quote(chunk.of(document), fact.quote, rules);
    if (checked.verdict != QuoteVerdict::Verified) {
      ++taken.unverified;
      continue;
    }
    if (state.facts().size() >= facts_max) {
      ++taken.refused;
      continue;
    }
    const std::string quote(checked.range.of(chunk.of(document)));
    const bool added = state.add({.text = fact.text.empty() ? quote : fact.text,
                                  .quote = quote,
                                  .chunk = chunk_number,
                                  .begin = chunk.begin + checked.range.begin});
    ++(added ? taken.added : taken.known);
  }
  return taken;
}

}  // namespace suffice::workflow::chain
