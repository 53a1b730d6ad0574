#pragma once
// The executors of a graph file: model calls and built-in functions. Internal to graph_file/.

#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "policy/fields.hpp"
#include "workflow/flow.hpp"
#include "workflow/graph_file/message_template.hpp"
#include "workflow/pattern.hpp"

namespace suffice::workflow {

/// Where a graph's executors keep what may be looked into later: the run's input, and each one's last answer.
inline constexpr std::string_view kInputName = "input";

/// What a model executor needs, read and checked.
struct ModelNode {
  std::string name;
  std::shared_ptr<const PortModel> model;
  std::shared_ptr<const prompts::Prompt> prompt;  ///< or null
  std::shared_ptr<const MessageTemplate> text;    ///< null: the message's answer
  std::string system;
  std::vector<std::string> labels;
  JsonText schema;
  std::optional<std::int64_t> tokens_max;
  std::optional<double> temperature;
};

/// Answers {"answer", "model"} and, for labels, "confidence" where the model gives one. OutputRejected when the answer is no label or breaks
/// the schema.
[[nodiscard]] Result<Executor> model_executor(ModelNode node);

/// A built-in function by name; `fields` holds its settings. InvalidArgument with the member in `where`.
[[nodiscard]] Result<Executor> function_executor(const std::string& name, const std::string& function,
                                                 const policy::Fields& fields);

/// The text of a template in a run: the message at hand, the run's input, or an earlier answer. InvalidArgument names the hole.
[[nodiscard]] Result<std::string> render_in_run(const MessageTemplate& text, const boost::json::value& message,
                                                const FlowRun& run);

/// Keeps what later templates may look into.
void remember(FlowRun& run, const std::string& name, const FlowMessage& input, const FlowMessage& answer);

}  // namespace suffice::workflow
