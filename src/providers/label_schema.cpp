#include "providers/label_schema.hpp"

#include "wire/json.hpp"
#include "wire/json_writer.hpp"

namespace suffice::providers {

ResponseFormat label_format(const std::vector<std::string>& labels) {
  ResponseFormat format{.kind = ResponseFormat::Kind::JsonSchema, .name = "label", .schema = {}, .strict = true};
  wire::JsonWriter json(format.schema.text);
  json.begin_object().field("type", "object").key("properties").begin_object().key("label").begin_object();
  json.field("type", "string").key("enum").begin_array();
  for (const std::string& label : labels) json.string(label);
  json.end_array().end_object().end_object().key("required").begin_array().string("label").end_array();
  json.field("additionalProperties", false).end_object();
  return format;
}

std::string unwrap_label(std::string_view answer) {
  const auto value = wire::parse_json(answer);
  if (value && value->is_object() && value->get_object().size() == 1) {
    const boost::json::value* label = value->get_object().if_contains("label");
    if (label != nullptr && label->is_string()) return std::string(label->get_string());
  }
  return std::string(answer);
}

}  // namespace suffice::providers
