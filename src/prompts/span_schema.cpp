#include "prompts/span_schema.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "core/text.hpp"
#include "wire/json.hpp"

namespace suffice::prompts {

namespace json = boost::json;

namespace {

constexpr std::string_view kSource = "x-source";
constexpr std::string_view kKinds = "x-span";

bool is_span_field(const json::object& schema) {
  const json::value* source = schema.if_contains(kSource);
  return source != nullptr && source->is_string() && source->get_string() == "span";
}

bool any_span_field(const json::value& value) {
  if (value.is_array()) return std::ranges::any_of(value.get_array(), any_span_field);
  if (!value.is_object()) return false;
  const json::object& object = value.get_object();
  return is_span_field(object) ||
         std::ranges::any_of(object, [](const auto& member) { return any_span_field(member.value()); });
}

Result<std::uint8_t> kind_named(const json::value& name) {
  using Pair = std::pair<std::string_view, SpanKind>;
  constexpr Pair names[] = {{"number", SpanKind::Number}, {"time", SpanKind::Time}, {"date", SpanKind::Date},
                            {"name", SpanKind::Name},     {"path", SpanKind::Path}, {"quote", SpanKind::Quote}};
  if (const json::string* text = name.if_string()) {
    const auto* found = std::ranges::find(names, std::string_view(*text), &Pair::first);
    if (found != std::end(names)) return static_cast<std::uint8_t>(found->second);
  }
  return fail(ErrorCode::InvalidArgument, "x-span is number, time, date, name, path, quote or a list of them");
}

/// The bits of x-span; 0: any phrase.
Result<std::uint8_t> wanted_kinds(const json::object& schema) {
  const json::value* kinds = schema.if_contains(kKinds);
  if (kinds == nullptr) return std::uint8_t{0};
  if (!kinds->is_array()) return kind_named(*kinds);
  std::uint8_t all = 0;
  for (const json::value& one : kinds->get_array()) {
    SUFFICE_TRY(const std::uint8_t bit, kind_named(one));
    all |= bit;
  }
  return all;
}

class SpanFields {
 public:
  explicit SpanFields(const std::vector<Span>& spans) : spans_(spans) {}

  /// Replaces the span fields below `schema`.
  Result<void> replace(json::value& schema) {
    if (json::array* list = schema.if_array()) {
      for (json::value& element : *list) SUFFICE_TRY_VOID(replace(element));
    }
    json::object* object = schema.if_object();
    if (object == nullptr) return {};
    if (is_span_field(*object)) return choose(*object, Fallback::AnyPhrase);
    SUFFICE_TRY_VOID(leave_out_what_cannot_be_filled(*object));
    for (auto& member : *object) SUFFICE_TRY_VOID(replace(member.value()));
    return {};
  }

 private:
  enum class Fallback { None, AnyPhrase };

  [[nodiscard]] json::array values(std::uint8_t kinds) const {
    json::array texts;
    for (const Span& span : spans_) {
      if (kinds == 0 || (span.kinds & kinds) != 0)
        texts.emplace_back(json::string_view(span.text.data(), span.text.size()));
    }
    return texts;
  }

  Result<void> choose(json::object& field, Fallback fallback) const {
    SUFFICE_TRY(const std::uint8_t kinds, wanted_kinds(field));
    json::array choice = values(kinds);
    if (choice.empty() && fallback == Fallback::AnyPhrase) choice = values(0);
    field.erase(kSource);
    field.erase(kKinds);
    if (!choice.empty()) field["enum"] = std::move(choice);
    return {};
  }

  /// Optional span properties without a candidate.
  Result<void> leave_out_what_cannot_be_filled(json::object& schema) const {
    json::value* properties = schema.if_contains("properties");
    if (properties == nullptr || !properties->is_object()) return {};
    const json::value* required = schema.if_contains("required");
    const auto is_required = [&](std::string_view name) {
      return required != nullptr && required->is_array() &&
             std::ranges::any_of(required->get_array(),
                                 [&](const json::value& one) { return one.is_string() && one.get_string() == name; });
    };
    std::vector<std::string> empty;
    for (const auto& member : properties->get_object()) {
      const json::object* field = member.value().if_object();
      if (field == nullptr || !is_span_field(*field) || is_required(member.key())) continue;
      SUFFICE_TRY(const std::uint8_t kinds, wanted_kinds(*field));
      if (values(kinds).empty()) empty.emplace_back(member.key());
    }
    for (const std::string& name : empty) properties->get_object().erase(name);
    return {};
  }

  const std::vector<Span>& spans_;
};

}  // namespace

bool has_span_fields(const JsonText& schema) {
  if (schema.text.find(kSource) == std::string::npos) return false;
  const Result<json::value> value = wire::parse_json(schema.text);
  return value && any_span_field(*value);
}

Result<JsonText> schema_with_spans(const JsonText& schema, std::string_view text, const SpanOptions& options) {
  if (first_invalid_utf8(text)) return fail(ErrorCode::InvalidArgument, "the text is not UTF-8");
  SUFFICE_TRY(json::value value, wire::parse_json(schema.text));
  if (!value.is_object()) return fail(ErrorCode::InvalidArgument, "a schema is a JSON object");
  const std::vector<Span> spans = propose_spans(text, options);
  SUFFICE_TRY_VOID(SpanFields(spans).replace(value));
  return wire::to_json_text(value);
}

}  // namespace suffice::prompts
