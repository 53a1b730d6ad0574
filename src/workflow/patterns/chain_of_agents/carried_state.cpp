#include "workflow/patterns/chain_of_agents/carried_state.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "wire/json.hpp"
#include "workflow/documents/bm25.hpp"

namespace suffice::workflow::chain {
namespace {

namespace json = boost::json;

/// One line: line ends within a quote would look like further facts.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) line += c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  return line;
}

std::string line_of(const LedgerFact& fact, std::size_t number, Shown shown) {
  std::string line = fmt::format("[{}] part {}: \"{}\"", number + 1, fact.chunk + 1, one_line(fact.quote));
  if (shown == Shown::Everything && fact.text != fact.quote && !fact.text.empty()) line += " = " + one_line(fact.text);
  return line + "\n";
}

std::string text_of(const CarriedState& state, Shown shown, const std::vector<std::size_t>& facts) {
  std::string text;
  const bool summary = shown == Shown::Everything && !state.summary().empty();
  if (summary) text += "Summary: " + one_line(state.summary()) + "\n";
  for (const std::size_t number : facts) text += line_of(state.facts()[number], number, shown);
  const std::size_t hidden = state.facts().size() - facts.size();
  if (hidden > 0) text += fmt::format("({} further facts are kept and not shown)\n", hidden);
  return text;
}

Result<std::size_t> place_in(const json::object& fact, std::string_view name) {
  const json::value* value = fact.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->as_int64() < 0)
    return fail(ErrorCode::MalformedRequest, "a fact's place is no whole number", "/facts");
  return static_cast<std::size_t>(value->as_int64());
}

Result<std::string> text_in(const json::object& fact, std::string_view name) {
  const json::value* value = fact.if_contains(name);
  if (value == nullptr || !value->is_string()) return fail(ErrorCode::MalformedRequest, "no text", "/facts");
  return std::string(value->as_string());
}

}  // namespace

bool CarriedState::add(LedgerFact fact) {
  const bool known = std::ranges::any_of(facts_, [&](const LedgerFact& other) {
    return other.begin == fact.begin ? other.quote.size() == fact.quote.size()
                                     : other.quote == fact.quote && other.text == fact.text;
  });
  if (known) return false;
  facts_.push_back(std::move(fact));
  return true;
}

bool CarriedState::keeps(const CarriedState& before) const {
  return before.facts_.size() <= facts_.size() &&
         std::equal(before.facts_.begin(), before.facts_.end(), facts_.begin());
}

JsonText CarriedState::to_json() const {
  json::array facts;
  for (const LedgerFact& fact : facts_) {
    facts.push_back(
        json::object{{"text", fact.text}, {"quote", fact.quote}, {"chunk", fact.chunk}, {"begin", fact.begin}});
  }
  return wire::to_json_text(json::object{{"facts", std::move(facts)}, {"summary", summary_}});
}

Result<CarriedState> CarriedState::from_json(std::string_view text) {
  SUFFICE_TRY(const json::value value, wire::parse_json(text));
  const json::object* object = value.if_object();
  const json::value* facts = object == nullptr ? nullptr : object->if_contains("facts");
  const json::value* summary = object == nullptr ? nullptr : object->if_contains("summary");
  if (facts == nullptr || !facts->is_array() || summary == nullptr || !summary->is_string())
    return fail(ErrorCode::MalformedRequest, "not the state of a chain");
  CarriedState state;
  state.summary_ = std::string(summary->as_string());
  for (const json::value& each : facts->as_array()) {
    if (!each.is_object()) return fail(ErrorCode::MalformedRequest, "a fact that is no object", "/facts");
    LedgerFact fact;
    SUFFICE_TRY(fact.text, text_in(each.as_object(), "text"));
    SUFFICE_TRY(fact.quote, text_in(each.as_object(), "quote"));
    SUFFICE_TRY(fact.chunk, place_in(each.as_object(), "chunk"));
    SUFFICE_TRY(fact.begin, place_in(each.as_object(), "begin"));
    state.facts_.push_back(std::move(fact));
  }
  return state;
}

CarriedState merged(const std::vector<CarriedState>& states) {
  std::vector<LedgerFact> facts;
  std::string summary;
  for (const CarriedState& state : states) {
    facts.insert(facts.end(), state.facts().begin(), state.facts().end());
    if (state.summary().empty()) continue;
    summary += (summary.empty() ? "" : " ") + state.summary();
  }
  std::ranges::sort(facts, [](const LedgerFact& a, const LedgerFact& b) {
    return std::tie(a.begin, a.quote, a.text) < std::tie(b.begin, b.quote, b.text);
  });
  CarriedState all;
  for (LedgerFact& fact : facts) all.add(std::move(fact));
  all.set_summary(std::move(summary));
  return all;
}

StateView view_of(const CarriedState& state, Shown shown, std::string_view akin_to, std::int64_t tokens_max,
                  const prompts::TokenCounter& count) {
  std::vector<std::size_t> all(state.facts().size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  std::string text = text_of(state, shown, all);
  if (count(text) <= tokens_max) return {.text = std::move(text), .hidden = 0};
  // A summary must not crowd out the facts that it sums up.
  const bool long_summary = 2 * count(state.summary()) > tokens_max;
  if (shown == Shown::Everything && long_summary && !state.summary().empty()) {
    CarriedState facts_only = state;
    facts_only.set_summary({});
    return view_of(facts_only, shown, akin_to, tokens_max, count);
  }

  std::vector<std::string_view> pieces;
  for (const LedgerFact& fact : state.facts()) pieces.push_back(fact.quote);
  const std::vector<double> scores = Bm25(pieces).scores(akin_to);
  const std::vector<std::size_t> ranked = best_of(scores, scores.size());
  const auto view = [&](std::size_t facts) {
    std::vector<std::size_t> some(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(facts));
    std::ranges::sort(some);
    return StateView{.text = text_of(state, shown, some), .hidden = all.size() - facts};
  };
  // The views grow with the facts in them, so halving finds the largest that fits.
  std::size_t fits = 0;
  std::size_t too_many = all.size();
  while (too_many - fits > 1) {
    const std::size_t middle = fits + (too_many - fits) / 2;
    (count(view(middle).text) <= tokens_max ? fits : too_many) = middle;
  }
  StateView found = view(fits);
  if (count(found.text) > tokens_max) found.text.clear();  // no room even to say how many are not shown
  return found;
}

}  // namespace suffice::workflow::chain
