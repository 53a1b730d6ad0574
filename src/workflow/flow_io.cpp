#include "workflow/flow_io.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/error.hpp"
#include "wire/document_part.hpp"
#include "wire/json.hpp"
#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"

namespace suffice::workflow {
namespace {

namespace bj = boost::json;

constexpr std::string_view kNotFound = "not found";
/// An end without an answer that still shows what was found (patterns/minions/minions.hpp).
constexpr std::string_view kUnansweredType = "unanswered";

std::unexpected<Error> no_request(std::string message, std::string where) {
  return fail(ErrorCode::InvalidArgument, std::move(message), std::move(where));
}

Result<std::string> text_member(const bj::object& object, const char* name, const std::string& where) {
  const bj::value* value = object.if_contains(name);
  if (value == nullptr) return std::string();
  const bj::string* text = value->if_string();
  if (text == nullptr) return no_request("must be a string", where + "/" + name);
  return std::string(*text);
}

/// Texts between <document> tags, which Anthropic's guide to long prompts recommends; `text` keeps what is left.
void take_tagged(std::string& text, std::vector<FlowRequest::Text>& documents) {
  constexpr std::string_view open = "<document>";
  constexpr std::string_view close = "</document>";
  for (std::size_t begin = text.find(open); begin != std::string::npos; begin = text.find(open)) {
    const std::size_t end = text.find(close, begin);
    if (end == std::string::npos) return;
    const std::size_t inside = begin + open.size();
    documents.push_back({.name = {}, .text = text.substr(inside, end - inside)});
    text.erase(begin, end + close.size() - begin);
  }
}

std::string trimmed(std::string text) {
  constexpr std::string_view space = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string::npos) return {};
  text.erase(text.find_last_not_of(space) + 1);
  return text.substr(begin);
}

void append_line(std::string& text, std::string_view line) {
  if (line.empty()) return;
  if (!text.empty()) text += '\n';
  text += line;
}

/// What the last message asks: its text, without its longest part where there are several (that one is what it asks about).
std::string take_query(const Message& message, std::vector<FlowRequest::Text>& documents) {
  std::vector<std::string_view> texts;
  for (const ContentPart& part : message.content) {
    if (part.kind == ContentPart::Kind::Text && !part.text.empty()) texts.push_back(part.text);
  }
  if (texts.size() > 1) {
    const auto longest = std::ranges::max_element(texts, {}, &std::string_view::size);
    documents.push_back({.name = {}, .text = std::string(*longest)});
    texts.erase(longest);
  }
  std::string query;
  for (const std::string_view text : texts) append_line(query, text);
  take_tagged(query, documents);
  return trimmed(std::move(query));
}

Result<void> take_files(const Message& message, std::vector<FlowRequest::Text>& documents) {
  for (const ContentPart& part : message.content) {
    if (part.kind == ContentPart::Kind::Text) continue;
    if (part.kind != ContentPart::Kind::File)
      return fail(ErrorCode::UnsupportedField, "a workflow reads text and text files only", "messages.content");
    SUFFICE_TRY(wire::DocumentPart file, wire::read_document_part(part));
    documents.push_back({.name = std::move(file.name), .text = std::move(file.text)});
  }
  return {};
}

/// What an end of type "unanswered" says of itself: {"error": {"code", "message"}}.
std::unexpected<Error> unanswered(const bj::object& object) {
  const bj::object* error = wire::object_or_null(object, "error");
  if (error == nullptr) return fail(ErrorCode::FrontierFailed, "the workflow ended without an answer", "unanswered");
  const std::string_view code = wire::string_or_empty(*error, "code");
  const auto known = std::ranges::find(error_catalogue(), code, &ErrorInfo::name);
  return fail(known == error_catalogue().end() ? ErrorCode::FrontierFailed : known->code,
              std::string(wire::string_or_empty(*error, "message")), "unanswered");
}

}  // namespace

FlowMessage to_message(const FlowRequest& request) {
  FlowMessage message{.type = std::string(kRequestType), .body = {}};
  wire::JsonWriter json(message.body.text);
  json.begin_object().key("documents").begin_array();
  for (const FlowRequest::Text& document : request.documents) {
    json.begin_object().key("name").string(document.name).key("text").string(document.text).end_object();
  }
  json.end_array().key("query").string(request.query);
  json.key("system").string(request.system).end_object();
  return message;
}

Result<FlowRequest> read_request(const FlowMessage& message) {
  if (message.type != kRequestType) return no_request("expected a message of type request", {});
  SUFFICE_TRY(const bj::value value, wire::parse_json(message.body.text));
  const bj::object* object = value.if_object();
  if (object == nullptr) return no_request("expected an object", "/");
  FlowRequest request;
  SUFFICE_TRY(request.query, text_member(*object, "query", ""));
  SUFFICE_TRY(request.system, text_member(*object, "system", ""));
  const bj::value* documents = object->if_contains("documents");
  if (documents == nullptr) return request;
  if (!documents->is_array()) return no_request("must be an array", "/documents");
  for (std::size_t i = 0; i < documents->get_array().size(); ++i) {
    const std::string where = fmt::format("/documents/{}", i);
    const bj::object* document = documents->get_array()[i].if_object();
    if (document == nullptr) return no_request("must be an object", where);
    FlowRequest::Text text;
    SUFFICE_TRY(text.name, text_member(*document, "name", where));
    SUFFICE_TRY(text.text, text_member(*document, "text", where));
    request.documents.push_back(std::move(text));
  }
  return request;
}

Result<std::string> answer_text(const FlowMessage& message) {
  SUFFICE_TRY(const bj::value value, wire::parse_json(message.body.text));
  const bj::object* object = value.if_object();
  if (message.type == kUnansweredType && object != nullptr) return unanswered(*object);
  const bj::value* answer = object == nullptr ? nullptr : object->if_contains("answer");
  if (message.type != kAnswerType || answer == nullptr) {
    return fail(ErrorCode::InvalidArgument, "the workflow ended without an answer", message.type);
  }
  if (const bj::value* text = object->if_contains("text"); text != nullptr && text->is_string()) {
    return std::string(text->get_string());
  }
  if (answer->is_null()) return std::string(kNotFound);
  if (answer->is_string()) return std::string(answer->get_string());
  return wire::to_json_text(*answer).text;
}

Result<FlowRequest> to_flow_request(const ChatRequest& chat) {
  FlowRequest request;
  std::string earlier;
  std::size_t last = chat.messages.size();
  for (std::size_t i = chat.messages.size(); i-- > 0 && last == chat.messages.size();) {
    if (chat.messages[i].role == Role::User) last = i;
  }
  for (std::size_t i = 0; i < chat.messages.size(); ++i) {
    const Message& message = chat.messages[i];
    SUFFICE_TRY_VOID(take_files(message, request.documents));
    if (message.role == Role::System || message.role == Role::Developer) {
      append_line(request.system, message.text());
    } else if (i == last) {
      request.query = take_query(message, request.documents);
    } else {
      append_line(earlier, fmt::format("{}: {}", name(message.role), message.text()));
    }
  }
  if (!earlier.empty()) request.query = fmt::format("Earlier in this conversation:\n{}\n\n{}", earlier, request.query);
  for (std::size_t i = 0; i < request.documents.size(); ++i) {
    if (request.documents[i].name.empty()) request.documents[i].name = fmt::format("document {}", i + 1);
  }
  if (request.query.empty() && request.documents.empty())
    return fail(ErrorCode::InvalidArgument, "no message of the user holds any text", "messages");
  return request;
}

}  // namespace suffice::workflow
