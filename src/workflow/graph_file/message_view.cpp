#include "workflow/graph_file/message_view.hpp"

#include <utility>

#include <boost/json.hpp>

#include "wire/json.hpp"
#include "workflow/flow_io.hpp"

namespace suffice::workflow {

namespace json = boost::json;

const json::value* find_at(const json::value& root, std::string_view pointer) {
  boost::system::error_code bad;
  return root.find_pointer(pointer, bad);
}

std::string text_of(const json::value& value) {
  if (const json::string* text = value.if_string()) return std::string(*text);
  return wire::to_json_text(value).text;
}

json::value answer_of(const FlowMessage& message, const json::value& body) {
  if (message.type == kJoinedType && body.is_array()) {
    json::array answers;
    for (const json::value& part : body.get_array()) {
      const json::value* answer = find_at(part, "/body/answer");
      if (answer == nullptr) answer = find_at(part, "/body");
      answers.push_back(answer == nullptr ? json::value() : *answer);
    }
    return answers;
  }
  if (message.type == kRequestType) {
    const Result<FlowRequest> request = read_request(message);
    if (!request) return body;
    std::string text = request->query;
    for (const FlowRequest::Text& document : request->documents) text += (text.empty() ? "" : "\n\n") + document.text;
    return json::value(text);
  }
  const json::object* object = body.if_object();
  const json::value* answer = object == nullptr ? nullptr : object->if_contains("answer");
  return answer == nullptr ? body : *answer;
}

FlowMessage answer_message(json::value value) {
  json::object body;
  body["answer"] = std::move(value);
  return FlowMessage{.type = std::string(kAnswerType), .body = wire::to_json_text(body)};
}

}  // namespace suffice::workflow
