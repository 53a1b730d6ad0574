#include "workflow/patterns/minions/question.hpp"

#include <limits>
#include <optional>
#include <utility>

#include "core/text.hpp"
#include "workflow/flow_io.hpp"

namespace suffice::workflow::minions {

namespace {

constexpr std::string_view kStateKey = "question";
/// Of what was read once already.
constexpr DocumentLimits kNoLimit{.bytes_max = std::numeric_limits<std::size_t>::max()};

}  // namespace

Result<Question> Question::read(const FlowMessage& message, const DocumentLimits& limits) {
  SUFFICE_TRY(FlowRequest request, read_request(message));
  const std::string_view query = trim(request.query);
  if (query.empty()) return fail(ErrorCode::InvalidArgument, "there is no question: give one as the query", "query");
  if (request.documents.empty()) {
    return fail(ErrorCode::InvalidArgument, "there is no document: MINIONS answers questions about one", "documents");
  }
  // Several are read as one, a line between them.
  std::string name;
  std::string text;
  for (const FlowRequest::Text& one : request.documents) {
    name += (name.empty() ? "" : ", ") + one.name;
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
    text += one.text;
  }
  SUFFICE_TRY(Document document, Document::create(name.empty() ? "document" : name, std::move(text), limits));
  return Question{.query = std::string(query), .document = std::move(document)};
}

FlowMessage Question::message() const {
  const FlowRequest request{.query = query, .documents = {{.name = document.name, .text = document.text}}};
  return to_message(request);
}

void Question::keep(FlowRun& run) const { run.set_state(kStateKey, message().body); }

Result<Question> Question::of(const FlowRun& run) {
  const std::optional<JsonText> kept = run.state(kStateKey);
  if (!kept) return fail(ErrorCode::Internal, "the question is not in the run's state");
  return read({.type = std::string(kRequestType), .body = *kept}, kNoLimit);
}

}  // namespace suffice::workflow::minions
