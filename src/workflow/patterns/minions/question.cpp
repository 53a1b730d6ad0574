#include "workflow/patterns/minions/question.hpp"

#include <limits>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "core/text.hpp"
#include "wire/json.hpp"
#include "wire/json_fields.hpp"

namespace suffice::workflow::minions {

namespace {

constexpr std::string_view kStateKey = "question";
/// Of what was read once already.
constexpr DocumentLimits kNoLimit{.bytes_max = std::numeric_limits<std::size_t>::max()};

}  // namespace

Result<Question> Question::read(std::string_view json, const DocumentLimits& limits) {
  SUFFICE_TRY(const boost::json::value value, wire::parse_json(json));
  const boost::json::object* object = value.if_object();
  if (object == nullptr)
    return fail(ErrorCode::InvalidArgument, "MINIONS reads {\"document\": {\"name\", \"text\"}, \"query\"}", "input");
  const std::string_view query = trim(wire::string_or_empty(*object, "query"));
  if (query.empty())
    return fail(ErrorCode::InvalidArgument, "there is no question: give one as \"query\"", "input.query");
  const boost::json::object* document = wire::object_or_null(*object, "document");
  if (document == nullptr)
    return fail(ErrorCode::InvalidArgument, "there is no document: give its name and text", "input.document");
  const std::string_view name = wire::string_or_empty(*document, "name");
  SUFFICE_TRY(Document read, Document::create(name.empty() ? "document" : name,
                                              std::string(wire::string_or_empty(*document, "text")), limits));
  return Question{.query = std::string(query), .document = std::move(read)};
}

FlowMessage Question::message() const {
  const boost::json::object object{{"document", {{"name", document.name}, {"text", document.text}}}, {"query", query}};
  return {.type = "minions.question", .body = wire::to_json_text(object)};
}

void Question::keep(FlowRun& run) const { run.set_state(kStateKey, message().body); }

Result<Question> Question::of(const FlowRun& run) {
  const std::optional<JsonText> kept = run.state(kStateKey);
  if (!kept) return fail(ErrorCode::Internal, "the question is not in the run's state");
  return read(kept->text, kNoLimit);
}

}  // namespace suffice::workflow::minions
