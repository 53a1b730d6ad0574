#include "wire/foreign_fields.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "wire/json.hpp"
#include "wire/json_fields.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

/// Every dialect's fields that cannot change what an answer says.
constexpr auto kHints = std::to_array<std::string_view>({
    "cache_control",      // Anthropic: what to cache
    "service_tier",       // OpenAI, Anthropic: which capacity
    "store",              // OpenAI: whether the vendor keeps a copy
    "safety_identifier",  // OpenAI: who the end user is
    "prompt_cache_key",   // OpenAI: what to cache
    "prompt_cache_retention",
    "prediction",  // OpenAI: only makes the same answer faster
    "keep_alive",  // Ollama: how long the model stays loaded
});

/// Ollama's options about the machine, not the answer.
constexpr auto kMachineOptions =
    std::to_array<std::string_view>({"num_keep", "num_batch", "num_gpu", "main_gpu", "low_vram", "f16_kv", "use_mmap",
                                     "use_mlock", "num_thread", "numa"});

template <typename Names>
bool is_among(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool asks_for_nothing(const bj::value& value) {
  if (value.is_null()) return true;
  if (value.is_bool()) return !value.get_bool();
  const bj::object* object = value.if_object();
  return object != nullptr && object->size() == 1 && string_or_empty(*object, "type") == "disabled";
}

std::unexpected<Error> refuse(std::string where) {
  return fail(ErrorCode::UnsupportedField, "the model that answers speaks another dialect and cannot be told this",
              std::move(where));
}

Result<void> refuse_members(const bj::object& extra) {
  for (const auto& member : extra) {
    const std::string_view name = member.key();
    const bj::object* inner = member.value().if_object();
    if (is_among(kHints, name) || asks_for_nothing(member.value())) continue;
    if (name == "options" && inner != nullptr) {
      const auto unknown = std::ranges::find_if(
          *inner, [](const auto& option) { return !is_among(kMachineOptions, std::string_view(option.key())); });
      if (unknown == inner->end()) continue;
      return refuse("options." + std::string(unknown->key()));
    }
    // The schema inside is also the request's response_format.
    if (name == "output_config" && inner != nullptr) {
      if (inner->size() == (inner->contains("format") ? 1U : 0U)) continue;
      return refuse("output_config.effort");
    }
    return refuse(std::string(name));
  }
  return {};
}

}  // namespace

Result<void> refuse_foreign(const ChatRequest& request, ApiDialect dialect) {
  if (speaks(request, dialect)) return {};
  if (!request.extra.empty()) {
    const auto extra = parse_json(request.extra.text);
    if (extra && extra->is_object()) SUFFICE_TRY_VOID(refuse_members(extra->get_object()));
  }
  using Kind = ContentPart::Kind;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    for (const ContentPart& part : request.messages[i].content) {
      const bool shared = part.kind == Kind::Text || part.kind == Kind::Image || part.kind == Kind::Refusal;
      if (!shared) return refuse("messages[" + std::to_string(i) + "].content");
    }
  }
  return {};
}

}  // namespace suffice::wire
