#include "gate/json_schema_document.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "gate/uri_reference.hpp"

namespace suffice::gate::schema {
namespace {

namespace bj = boost::json;

/// What stands under a keyword, as far as finding schemas goes.
enum class Shape : std::uint8_t { Note, Value, Schema, SchemaArray, SchemaMap, SchemaOrArray, Dependencies };

struct Keyword {
  std::string_view name;
  Shape shape;
  std::uint8_t drafts = AnyDraft;
};

// Every keyword that is enforced, or an annotation that asks for nothing. Any other would be ignored silently, so it is refused.
// format, content* are annotations, as draft 2020-12 has them by default.
constexpr std::array kKeywords = {
    Keyword{"$schema", Shape::Note},
    Keyword{"$id", Shape::Note},
    Keyword{"$comment", Shape::Note},
    Keyword{"$anchor", Shape::Note, Draft2020},
    Keyword{"$dynamicAnchor", Shape::Note, Draft2020},
    Keyword{"title", Shape::Note},
    Keyword{"description", Shape::Note},
    Keyword{"default", Shape::Note},
    Keyword{"example", Shape::Note},
    Keyword{"examples", Shape::Note},
    Keyword{"deprecated", Shape::Note},
    Keyword{"readOnly", Shape::Note},
    Keyword{"writeOnly", Shape::Note},
    Keyword{"format", Shape::Note},
    Keyword{"contentEncoding", Shape::Note},
    Keyword{"contentMediaType", Shape::Note},
    Keyword{"contentSchema", Shape::Schema, Draft2020},
    Keyword{"x-source",
            Shape::Note},  // who fills the field (prompts/span_schema.hpp); the type beside it is still enforced
    Keyword{"x-span", Shape::Note},
    Keyword{"$defs", Shape::SchemaMap},
    Keyword{"definitions", Shape::SchemaMap},
    Keyword{"$ref", Shape::Value},
    Keyword{"$dynamicRef", Shape::Value, Draft2020},
    Keyword{"type", Shape::Value},
    Keyword{"enum", Shape::Value},
    Keyword{"const", Shape::Value},
    Keyword{"minimum", Shape::Value},
    Keyword{"maximum", Shape::Value},
    Keyword{"exclusiveMinimum", Shape::Value},
    Keyword{"exclusiveMaximum", Shape::Value},
    Keyword{"multipleOf", Shape::Value},
    Keyword{"minLength", Shape::Value},
    Keyword{"maxLength", Shape::Value},
    Keyword{"pattern", Shape::Value},
    Keyword{"prefixItems", Shape::SchemaArray, Draft2020},
    Keyword{"items", Shape::SchemaOrArray},
    Keyword{"additionalItems", Shape::Schema, Draft7},
    Keyword{"contains", Shape::Schema},
    Keyword{"minContains", Shape::Value, Draft2020},
    Keyword{"maxContains", Shape::Value, Draft2020},
    Keyword{"minItems", Shape::Value},
    Keyword{"maxItems", Shape::Value},
    Keyword{"uniqueItems", Shape::Value},
    Keyword{"unevaluatedItems", Shape::Schema, Draft2020},
    Keyword{"properties", Shape::SchemaMap},
    Keyword{"patternProperties", Shape::SchemaMap},
    Keyword{"additionalProperties", Shape::Schema},
    Keyword{"propertyNames", Shape::Schema},
    Keyword{"required", Shape::Value},
    Keyword{"minProperties", Shape::Value},
    Keyword{"maxProperties", Shape::Value},
    Keyword{"dependencies", Shape::Dependencies},
    Keyword{"dependentRequired", Shape::Value, Draft2020},
    Keyword{"dependentSchemas", Shape::SchemaMap, Draft2020},
    Keyword{"unevaluatedProperties", Shape::Schema, Draft2020},
    Keyword{"allOf", Shape::SchemaArray},
    Keyword{"anyOf", Shape::SchemaArray},
    Keyword{"oneOf", Shape::SchemaArray},
    Keyword{"not", Shape::Schema},
    Keyword{"if", Shape::Schema},
    Keyword{"then", Shape::Schema},
    Keyword{"else", Shape::Schema},
};

// A schema of this many positions is not one that a person wrote for a task.
constexpr std::size_t kPositionsMax = 20'000;

std::unexpected<Error> refuse(std::string message, const std::string& pointer) {
  return fail(ErrorCode::InvalidArgument, std::move(message), pointer.empty() ? "/" : pointer);
}

std::string escaped(std::string_view token) {
  std::string out;
  for (const char c : token) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string unescaped(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool escape = token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1');
    out.push_back(!escape ? token[i] : token[++i] == '0' ? '~' : '/');
  }
  return out;
}

Result<Draft> draft_of(const bj::value& name, const std::string& pointer) {
  if (!name.is_string()) return refuse("$schema is not a string", pointer);
  const std::string_view uri = name.get_string();
  if (uri.find("json-schema.org/draft-07/schema") != std::string_view::npos) return Draft7;
  if (uri.find("json-schema.org/draft/2020-12/schema") != std::string_view::npos) return Draft2020;
  if (uri.find("json-schema.org/draft/2019-09/schema") != std::string_view::npos) return AnyDraft;
  return refuse("$schema names no draft that is enforced here (draft-07, 2019-09, 2020-12)", pointer);
}

std::string_view without_fragment(std::string_view uri) { return uri.substr(0, uri.find('#')); }

/// Draft-07 ignores what stands beside $ref; a schema that hopes for it is refused rather than enforced in part.
bool may_stand_beside_ref(std::string_view name) {
  const auto* keyword = std::ranges::find(kKeywords, name, &Keyword::name);
  return name == "$ref" || name == "definitions" || name == "$defs" ||
         (keyword != kKeywords.end() && keyword->shape == Shape::Note);
}

const bj::value* step(const bj::value& from, const std::string& token) {
  if (const auto* members = from.if_object()) return members->if_contains(token);
  if (const auto* items = from.if_array()) {
    const bool number =
        !token.empty() && token.size() < 10 && std::ranges::all_of(token, [](char c) { return c >= '0' && c <= '9'; });
    return number ? items->if_contains(std::stoul(token)) : nullptr;
  }
  return nullptr;
}

const bj::value* at_pointer(const bj::value& root, std::string_view pointer) {
  const bj::value* at = &root;
  while (at != nullptr && !pointer.empty()) {
    pointer.remove_prefix(1);
    const std::size_t end = std::min(pointer.find('/'), pointer.size());
    at = step(*at, unescaped(pointer.substr(0, end)));
    pointer.remove_prefix(end);
  }
  return at;
}

}  // namespace

Result<Document> Document::scan(const bj::value& root) {
  Document document;
  document.resources_.push_back(
      Resource{.root = &root, .uri = {}, .draft = AnyDraft, .anchors = {}, .dynamic_anchors = {}});
  SUFFICE_TRY_VOID(document.visit(root, 0, ""));
  return document;
}

const std::int32_t* Document::resource_of(const bj::value& schema) const {
  const auto found = home_.find(&schema);
  return found == home_.end() ? nullptr : &found->second;
}

Result<void> Document::visit(const bj::value& schema, std::int32_t resource, const std::string& pointer) {
  if (home_.size() >= kPositionsMax) return refuse("the schema is too large", pointer);
  if (schema.is_bool()) {
    home_.emplace(&schema, resource);
    return {};
  }
  if (!schema.is_object()) return refuse("a schema must be an object, true or false", pointer);
  const bj::object& members = schema.get_object();
  SUFFICE_TRY(resource, enter(members, schema, resource, pointer));
  home_.emplace(&schema, resource);

  const bool draft7_ref = resources_[static_cast<std::size_t>(resource)].draft == Draft7 && members.contains("$ref");
  for (const auto& member : members) {
    const std::string at = pointer + "/" + escaped(member.key());
    if (draft7_ref && !may_stand_beside_ref(member.key())) {
      return refuse("draft-07 ignores keywords beside $ref; put both into allOf", at);
    }
    SUFFICE_TRY_VOID(visit_keyword(member.key(), member.value(), resource, at));
  }
  return {};
}

/// The resource that `schema` belongs to: its own when it has an $id. Records its anchors.
Result<std::int32_t> Document::enter(const bj::object& schema, const bj::value& self, std::int32_t resource,
                                     const std::string& pointer) {
  Draft draft = resources_[static_cast<std::size_t>(resource)].draft;
  if (const bj::value* name = schema.if_contains("$schema")) {
    SUFFICE_TRY(draft, draft_of(*name, pointer + "/$schema"));
    if (pointer.empty()) resources_.front().draft = draft;
  }
  const bj::value* id = schema.if_contains("$id");
  if (id != nullptr && (draft != Draft7 || !schema.contains("$ref"))) {
    if (!id->is_string()) return refuse("$id is not a string", pointer + "/$id");
    const std::string_view text = id->get_string();
    if (text.starts_with('#') && draft != Draft2020) {
      SUFFICE_TRY_VOID(add_anchor(bj::value(bj::string(text.substr(1))), self, resource, false, pointer + "/$id"));
    } else {
      const std::string uri(without_fragment(resolve_uri(resources_[static_cast<std::size_t>(resource)].uri, text)));
      if (text.find('#') != std::string_view::npos && !text.ends_with('#'))
        return refuse("$id must not have a fragment", pointer + "/$id");
      if (!pointer.empty() && std::ranges::find(resources_, uri, &Resource::uri) != resources_.end())
        return refuse("$id is used twice", pointer + "/$id");
      if (!pointer.empty()) {
        resources_.push_back(Resource{.root = &self, .uri = {}, .draft = draft, .anchors = {}, .dynamic_anchors = {}});
        resource = static_cast<std::int32_t>(resources_.size() - 1);
      }
      resources_[static_cast<std::size_t>(resource)].uri = uri;
    }
  } else if (draft != resources_[static_cast<std::size_t>(resource)].draft) {
    return refuse("$schema may stand only beside $id", pointer + "/$schema");
  }
  if (const bj::value* name = schema.if_contains("$anchor"))
    SUFFICE_TRY_VOID(add_anchor(*name, self, resource, false, pointer + "/$anchor"));
  if (const bj::value* name = schema.if_contains("$dynamicAnchor")) {
    SUFFICE_TRY_VOID(add_anchor(*name, self, resource, true, pointer + "/$dynamicAnchor"));
  }
  return resource;
}

Result<void> Document::add_anchor(const bj::value& name, const bj::value& self, std::int32_t resource, bool dynamic,
                                  const std::string& pointer) {
  if (!name.is_string() || name.get_string().empty()) return refuse("an anchor must be a name", pointer);
  Resource& home = resources_[static_cast<std::size_t>(resource)];
  const std::string key(name.get_string());
  const auto [entry, added] = home.anchors.emplace(key, &self);
  if (!added && entry->second != &self) return refuse("the anchor is used twice", pointer);
  if (dynamic) home.dynamic_anchors.emplace(key, &self);
  return {};
}

Result<void> Document::visit_keyword(std::string_view name, const bj::value& value, std::int32_t resource,
                                     const std::string& pointer) {
  if (name.starts_with("x-")) return {};  // by convention an annotation of some tool
  const std::uint8_t draft = resources_[static_cast<std::size_t>(resource)].draft;
  const auto* keyword = std::ranges::find(kKeywords, name, &Keyword::name);
  if (keyword == kKeywords.end()) return refuse("this keyword is not known and would be ignored", pointer);
  if ((keyword->drafts & draft) == 0)
    return refuse("this keyword does not exist in the schema's draft and would be ignored", pointer);

  switch (keyword->shape) {
    case Shape::Note:
    case Shape::Value:
      return {};
    case Shape::Schema:
      return visit(value, resource, pointer);
    case Shape::SchemaArray:
      if (!value.is_array()) return refuse("must be an array of schemas", pointer);
      return visit_each(value, resource, pointer);
    case Shape::SchemaOrArray:
      if (!value.is_array()) return visit(value, resource, pointer);
      if (draft == Draft2020) return refuse("draft 2020-12 has prefixItems for lists of schemas", pointer);
      return visit_each(value, resource, pointer);
    case Shape::SchemaMap:
    case Shape::Dependencies:
      break;
  }
  if (!value.is_object()) return refuse("must be an object of schemas", pointer);
  for (const auto& member : value.get_object()) {
    if (keyword->shape == Shape::Dependencies && member.value().is_array()) continue;
    SUFFICE_TRY_VOID(visit(member.value(), resource, pointer + "/" + escaped(member.key())));
  }
  return {};
}

Result<void> Document::visit_each(const bj::value& value, std::int32_t resource, const std::string& pointer) {
  std::size_t index = 0;
  for (const bj::value& schema : value.get_array())
    SUFFICE_TRY_VOID(visit(schema, resource, fmt::format("{}/{}", pointer, index++)));
  return {};
}

Result<Document::Target> Document::resolve(std::int32_t resource, std::string_view reference) const {
  const std::string uri = resolve_uri(resources_[static_cast<std::size_t>(resource)].uri, reference);
  const auto home = std::ranges::find(resources_, without_fragment(uri), &Resource::uri);
  if (home == resources_.end())
    return fail(ErrorCode::InvalidArgument, "the reference leaves the document; nothing is fetched");

  Target target;
  const std::size_t hash = uri.find('#');
  if (hash != std::string::npos) target.fragment = percent_decoded(std::string_view(uri).substr(hash + 1));
  if (target.fragment.empty()) {
    target.schema = home->root;
  } else if (target.fragment.starts_with('/')) {
    target.schema = at_pointer(*home->root, target.fragment);
  } else if (const auto anchor = home->anchors.find(target.fragment); anchor != home->anchors.end()) {
    target.schema = anchor->second;
  }
  if (target.schema == nullptr || resource_of(*target.schema) == nullptr)
    return fail(ErrorCode::InvalidArgument, "the reference points at no schema");
  return target;
}

}  // namespace suffice::gate::schema
