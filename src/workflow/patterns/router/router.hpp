#pragma once
// The predictive router as a flow: one model is chosen before anything is answered, and answers.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "core/result.hpp"
#include "workflow/flow.hpp"
#include "workflow/model_port.hpp"
#include "workflow/patterns/router/route.hpp"

namespace suffice::workflow::router {

/// A small model is asked "simple or complex?": at most 5 tokens, temperature 0.1. What cannot be understood, and a call that fails, go to
/// the strong model.
struct QuestionForm {
  std::shared_ptr<const PortModel> asked;
};

using RouterForm = std::variant<RuleForm, QuestionForm, GainForm, QualityForm>;

struct RouterSpec {
  RouterForm form;
  /// By role. "strong" is always needed: it answers whatever could not be routed or the chosen model did not answer. Rules, question and
  /// gain also need "weak".
  std::map<std::string, std::shared_ptr<const PortModel>, std::less<>> models;
  std::int64_t answer_tokens_max = 512;
  std::string version = {};  ///< of the form's files: a journal is not resumed with others
};

/// "route" chooses, "answer_ROLE" answers; an answering model that fails hands over to "answer_strong" unless the run is over. From a
/// request to an answer (flow_io.hpp) with {"route": {"model", "why", "score", "prefix_flip", "fell_back"}} beside it. InvalidArgument: a role
/// without a model.
[[nodiscard]] Result<std::shared_ptr<const Flow>> router_flow(const RouterSpec& spec);

}  // namespace suffice::workflow::router
