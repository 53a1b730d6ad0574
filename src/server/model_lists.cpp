#include "server/model_lists.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "audit/event_json.hpp"
#include "wire/anthropic_messages.hpp"
#include "wire/ollama_chat.hpp"
#include "wire/openai_chat.hpp"

namespace suffice::server {
namespace {

constexpr std::size_t kPageDefault = 20;
constexpr std::size_t kPageMax = 1000;

/// What a page is asked for; ids as they are in the query, percent-decoded.
struct PageQuestion {
  std::size_t limit = kPageDefault;
  std::optional<std::string> after;
  std::optional<std::string> before;
};

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size();
    const std::optional<int> high = escape ? hex_digit(text[i + 1]) : std::nullopt;
    const std::optional<int> low = escape ? hex_digit(text[i + 2]) : std::nullopt;
    if (high && low) {
      out += static_cast<char>(*high * 16 + *low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Result<PageQuestion> read_page_question(std::string_view query) {
  PageQuestion page;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t mark = pair.find('=');
    const std::string_view name = pair.substr(0, mark);
    const std::string_view value = mark == std::string_view::npos ? std::string_view{} : pair.substr(mark + 1);
    if (name == "after_id") page.after = percent_decoded(value);
    if (name == "before_id") page.before = percent_decoded(value);
    if (name != "limit") continue;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), page.limit);
    if (error != std::errc{} || end != value.data() + value.size() || page.limit < 1 || page.limit > kPageMax)
      return fail(ErrorCode::InvalidArgument, "must be a number from 1 to 1000", "limit");
  }
  if (page.after && page.before) return fail(ErrorCode::InvalidArgument, "is given beside after_id", "before_id");
  return page;
}

std::vector<wire::AnthropicModel> anthropic_models(const policy::Policy& policy, WallTime created) {
  std::vector<wire::AnthropicModel> models;
  for (const std::string& name : model_names(policy))
    models.push_back({.id = name, .display_name = name, .created_at = audit::rfc3339_ms(created)});
  return models;
}

}  // namespace

std::vector<std::string> model_names(const policy::Policy& policy) {
  std::vector<std::string> names{"suffice/auto"};
  for (const auto& [name, task] : policy.tasks) names.push_back("suffice/" + name);
  for (const auto& [name, workflow] : policy.workflows) names.push_back("suffice/" + name);
  for (const auto& [name, model] : policy.models) {
    if (model.embeddings) names.push_back(name);
  }
  return names;
}

std::string openai_model_list(const policy::Policy& policy, std::int64_t created) {
  std::vector<wire::ModelListing> models;
  for (std::string& name : model_names(policy))
    models.push_back({.id = std::move(name), .created = created, .owned_by = "suffice"});
  return wire::encode_openai_models(models);
}

Result<std::string> openai_model(const policy::Policy& policy, std::int64_t created, std::string_view id) {
  const std::vector<std::string> names = model_names(policy);
  if (std::ranges::find(names, id) == names.end())
    return fail(ErrorCode::NotFound, "no such model; GET /v1/models lists them", "model");
  return wire::encode_openai_model({.id = std::string(id), .created = created, .owned_by = "suffice"});
}

Result<std::string> anthropic_model_list(const policy::Policy& policy, WallTime created, std::string_view query) {
  SUFFICE_TRY(const PageQuestion asked, read_page_question(query));
  const std::vector<wire::AnthropicModel> all = anthropic_models(policy, created);
  const std::optional<std::string>& cursor = asked.after ? asked.after : asked.before;
  wire::AnthropicPage page;
  std::size_t at = all.size();
  if (cursor) {
    at = static_cast<std::size_t>(std::ranges::find(all, *cursor, &wire::AnthropicModel::id) - all.begin());
    if (at == all.size())
      return fail(ErrorCode::InvalidArgument, "names no model", asked.after ? "after_id" : "before_id");
  }
  if (asked.before) {
    page = {.begin = at > asked.limit ? at - asked.limit : 0, .end = at, .has_more = at > asked.limit};
  } else {
    page.begin = cursor ? at + 1 : 0;
    page.end = std::min(page.begin + asked.limit, all.size());
    page.has_more = page.end < all.size();
  }
  return wire::encode_anthropic_models(all, page);
}

Result<std::string> anthropic_model(const policy::Policy& policy, WallTime created, std::string_view id) {
  const std::vector<wire::AnthropicModel> all = anthropic_models(policy, created);
  const auto found = std::ranges::find(all, id, &wire::AnthropicModel::id);
  if (found == all.end()) return fail(ErrorCode::NotFound, "no such model; GET /v1/models lists them", "model");
  return wire::encode_anthropic_model(*found);
}

std::string ollama_model_list(const policy::Policy& policy, WallTime created) {
  return wire::encode_ollama_models(model_names(policy), audit::rfc3339_ms(created));
}

}  // namespace suffice::server
