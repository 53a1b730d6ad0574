#include "audit/figures.hpp"

#include <boost/json.hpp>

namespace suffice::audit {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& fields, std::string_view key) {
  const json::value* value = fields.if_contains(json::string_view(key.data(), key.size()));
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : std::string(text->data(), text->size());
}

std::optional<std::int64_t> number_of(const json::object& fields, std::string_view key) {
  const json::value* value = fields.if_contains(json::string_view(key.data(), key.size()));
  const std::int64_t* number = value == nullptr ? nullptr : value->if_int64();
  return number == nullptr ? std::nullopt : std::optional(*number);
}

bool flag_of(const json::object& fields, std::string_view key) {
  const json::value* value = fields.if_contains(json::string_view(key.data(), key.size()));
  const bool* flag = value == nullptr ? nullptr : value->if_bool();
  return flag != nullptr && *flag;
}

struct AttemptFigures {
  bool local = false;
  bool accepted = false;
  std::int64_t cost_nanodollars = 0;
  std::int64_t latency_us = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
};

void add(EventFigures& figures, const AttemptFigures& attempt) {
  figures.input_tokens += attempt.input_tokens;
  figures.output_tokens += attempt.output_tokens;
  if (attempt.local) {
    ++figures.local_attempts;
    figures.local_accepted += attempt.accepted ? 1 : 0;
    figures.local_cost_nanodollars += attempt.cost_nanodollars;
  } else {
    ++figures.hosted_attempts;
    figures.hosted_latency_us += attempt.latency_us;
    figures.hosted_tokens += attempt.input_tokens + attempt.output_tokens;
  }
}

void add_attempt(EventFigures& figures, const json::value& value) {
  const json::object* fields = value.if_object();
  if (fields == nullptr) return;
  AttemptFigures attempt{.local = flag_of(*fields, "local"),
                         .accepted = flag_of(*fields, "accepted"),
                         .cost_nanodollars = number_of(*fields, "cost_nanodollars").value_or(0),
                         .latency_us = number_of(*fields, "latency_us").value_or(0)};
  const json::value* usage = fields->if_contains("usage");
  if (const json::object* tokens = usage == nullptr ? nullptr : usage->if_object()) {
    attempt.input_tokens = number_of(*tokens, "input_tokens").value_or(0);
    attempt.output_tokens = number_of(*tokens, "output_tokens").value_or(0);
  }
  add(figures, attempt);
}

}  // namespace

std::optional<EventFigures> figures_of(const Event& event) {
  if (event.kind != Event::Kind::Request) return std::nullopt;
  EventFigures figures{.model = event.served_model,
                       .caller_key = event.caller_key,
                       .succeeded = event.outcome == "ok",
                       .stand_in = event.stand_in,
                       .cost_nanodollars = event.cost.nanos,
                       .latency_us = event.latency_us,
                       .overhead_us = event.overhead_us};
  if (event.counterfactual_cost) figures.counterfactual_nanodollars = event.counterfactual_cost->nanos;
  for (const Attempt& attempt : event.attempts) {
    add(figures, {.local = attempt.local,
                  .accepted = attempt.accepted,
                  .cost_nanodollars = attempt.cost.nanos,
                  .latency_us = attempt.latency_us,
                  .input_tokens = attempt.usage.input_tokens,
                  .output_tokens = attempt.usage.output_tokens});
  }
  return figures;
}

std::optional<EventFigures> figures_of_json(std::string_view text) {
  boost::system::error_code error;
  const json::value parsed = json::parse(json::string_view(text.data(), text.size()), error);
  const json::object* fields = error ? nullptr : parsed.if_object();
  if (fields == nullptr || text_of(*fields, "kind") != "request") return std::nullopt;
  EventFigures figures{.model = text_of(*fields, "served_model"),
                       .caller_key = text_of(*fields, "caller_key"),
                       .succeeded = text_of(*fields, "outcome") == "ok",
                       .stand_in = flag_of(*fields, "stand_in"),
                       .cost_nanodollars = number_of(*fields, "cost_nanodollars").value_or(0),
                       .counterfactual_nanodollars = number_of(*fields, "counterfactual_cost_nanodollars"),
                       .latency_us = number_of(*fields, "latency_us").value_or(0),
                       .overhead_us = number_of(*fields, "overhead_us").value_or(0)};
  const json::value* attempts = fields->if_contains("attempts");
  if (const json::array* all = attempts == nullptr ? nullptr : attempts->if_array()) {
    for (const json::value& attempt : *all) add_attempt(figures, attempt);
  }
  return figures;
}

}  // namespace suffice::audit
