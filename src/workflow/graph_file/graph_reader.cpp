#include "workflow/graph_file/graph_reader.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "core/hash.hpp"
#include "policy/fields.hpp"
#include "wire/json.hpp"
#include "workflow/graph_file/message_condition.hpp"
#include "workflow/graph_file/node.hpp"

namespace suffice::workflow {
namespace {

namespace json = boost::json;
using policy::Fields;
using policy::Pointer;

class GraphReader {
 public:
  GraphReader(const PatternBlock::Of& of, const SubFlowSource& sub_flows)
      : of_(of), sub_flows_(sub_flows), root_(&of.document.root()), builder_(of.workflow) {}

  std::shared_ptr<const Flow> read() {
    const std::size_t before = of_.problems.size();
    read_executors();
    if (root_.has("start")) builder_.start(root_.text("start"));
    read_edges();
    read_fans();
    for (const auto& loop : root_.below("loops").object())
      builder_.loop(std::string(loop.key()), static_cast<std::size_t>(loop.value().as_int64()));
    // Executors that could not be read would be unknown once more.
    if (of_.problems.size() > before) return nullptr;
    for (const FlowProblem& problem : builder_.problems()) say(problem);
    if (of_.problems.size() > before) return nullptr;
    return *builder_.build();
  }

 private:
  void say(const FlowProblem& problem) {
    const bool key = problem.where.starts_with("/executors/") || problem.where.starts_with("/loops/");
    of_.problems.push_back(key ? of_.document.at_key(problem.where, problem.message)
                               : of_.document.at_value(problem.where, problem.message));
  }
  void say(const Pointer& at, std::string message) {
    of_.problems.push_back(of_.document.at_value(at, std::move(message)));
  }

  void read_executors() {
    for (const auto& member : root_.below("executors").object()) {
      const std::string name(member.key());
      const Pointer at = policy::child("/executors", name);
      const Fields fields(&member.value());
      constexpr std::array<const char*, 3> kKinds = {"model", "function", "workflow"};
      if (std::ranges::count_if(kKinds, [&](const char* kind) { return fields.has(kind); }) != 1) {
        of_.problems.push_back(of_.document.at_key(at, "an executor has one of model, function and workflow"));
      } else if (fields.has("model")) {
        read_model(name, at, fields, member.value());
      } else if (fields.has("function")) {
        read_function(name, at, fields, member.value());
      } else if (std::shared_ptr<const Flow> flow =
                     sub_flows_(fields.text("workflow"), policy::child(at, "workflow"))) {
        builder_.sub_flow(name, std::move(flow));
      }
    }
  }

  /// Members that belong to another kind of executor would be ignored.
  bool only(const Pointer& at, const Fields& fields, const std::set<std::string_view>& known, std::string_view kind) {
    bool fits = true;
    for (const auto& member : fields.object()) {
      if (known.contains(std::string_view(member.key()))) continue;
      of_.problems.push_back(of_.document.at_key(policy::child(at, std::string_view(member.key())),
                                                 fmt::format("{} does not use this", kind)));
      fits = false;
    }
    return fits;
  }

  void read_model(const std::string& name, const Pointer& at, const Fields& fields, const json::value& written) {
    PatternBlock block(of_, at);
    if (!only(at, fields, {"model", "prompt", "system", "text", "labels", "schema", "max_tokens", "temperature"},
              "a model's executor"))
      return;
    ModelNode node;
    node.name = name;
    node.model = block.model_named(fields.text("model"), "model");
    node.prompt = block.prompt("prompt");
    if (fields.has("prompt") && node.prompt == nullptr) return;
    if (fields.has("text")) {
      Result<MessageTemplate> text = MessageTemplate::parse(fields.text("text"));
      if (!text) return block.problem("text", text.error().message);
      if (!known_names(*text, policy::child(at, "text"))) return;
      node.text = std::make_shared<const MessageTemplate>(*std::move(text));
    }
    node.system = fields.text("system");
    node.labels = fields.texts("labels");
    if (node.labels.empty() && node.prompt != nullptr && node.prompt->parser == prompts::Parser::Label)
      for (const prompts::Category& category : node.prompt->categories) node.labels.push_back(category.label);
    if (const json::value* schema = fields.find("schema")) node.schema = wire::to_json_text(*schema);
    if (node.schema.empty() && node.prompt != nullptr) node.schema = node.prompt->schema;
    if (!node.labels.empty() && !node.schema.empty())
      return block.problem("schema", "an answer is a label or JSON, not both");
    node.tokens_max = fields.integer("max_tokens");
    node.temperature = fields.number("temperature");
    if (node.model == nullptr) return;
    Result<Executor> executor = model_executor(std::move(node));
    if (!executor) return block.problem("schema", describe(executor.error()));
    add(*std::move(executor), written);
  }

  void read_function(const std::string& name, const Pointer& at, const Fields& fields, const json::value& written) {
    PatternBlock block(of_, at);
    if (!only(at, fields, {"function", "pointer", "text", "bytes", "separator"}, "a function")) return;
    Result<Executor> executor = function_executor(name, fields.text("function"), fields);
    if (!executor) return block.problem(executor.error().where, executor.error().message);
    if (fields.has("text")) {
      const Result<MessageTemplate> text = MessageTemplate::parse(fields.text("text"));
      if (!text || !known_names(*text, policy::child(at, "text"))) return;
    }
    add(*std::move(executor), written);
  }

  /// Everything written of an executor is a part of what its answers depend on; so are the conditions of edges, which the shape does not
  /// hold: they are the graph's.
  void add(Executor executor, const json::value& written) {
    const json::value* edges = root_.find("edges");
    const std::string ways = edges == nullptr ? std::string() : wire::canonical_json(*edges);
    executor.version = sha256_hex(executor.version + wire::canonical_json(written) + ways);
    builder_.add(std::move(executor));
  }

  bool known_names(const MessageTemplate& text, const Pointer& at) {
    bool known = true;
    for (const std::string& name : text.names()) {
      const json::object& executors = root_.below("executors").object();
      if (name.empty() || name == kInputName || executors.contains(name)) continue;
      std::vector<std::string> names{std::string(kInputName)};
      for (const auto& member : executors) names.emplace_back(member.key());
      say(at, fmt::format("there is no executor '{}' to look into{}", name, policy::did_you_mean(name, names)));
      known = false;
    }
    return known;
  }

  void read_edges() {
    const json::value* edges = root_.find("edges");
    if (edges == nullptr) return;
    for (std::size_t i = 0; i < edges->as_array().size(); ++i) {
      const Pointer at = policy::child("/edges", i);
      const Fields fields(&edges->as_array()[i]);
      EdgeOptions options{.label = fields.text("label"), .when = {}, .loop = fields.text("loop")};
      if (const json::value* when = fields.find("when")) {
        Result<FlowCondition> condition = compile_condition(*when);
        if (!condition) {
          say(policy::child(at, "when") + condition.error().where, condition.error().message);
          continue;
        }
        options.when = *std::move(condition);
        if (options.label.empty()) options.label = wire::to_json_text(*when).text;
      }
      builder_.connect(fields.text("from"), fields.text("to"), std::move(options));
    }
  }

  void read_fans() {
    if (const json::value* fans = root_.find("fan_out")) {
      for (const json::value& fan : fans->as_array()) {
        const Fields fields(&fan);
        builder_.fan_out(fields.text("from"), fields.texts("to"));
      }
    }
    const json::value* fans = root_.find("fan_in");
    if (fans == nullptr) return;
    for (const json::value& fan : fans->as_array()) {
      const Fields fields(&fan);
      Join join = fields.text("join") == "any" ? Join::any() : Join::all();
      if (const std::optional<std::int64_t> count = fields.integer("join"))
        join = Join::of(static_cast<std::size_t>(*count));
      builder_.fan_in(fields.texts("from"), fields.text("to"), join);
    }
  }

  PatternBlock::Of of_;
  const SubFlowSource& sub_flows_;
  Fields root_;
  FlowBuilder builder_;
};

}  // namespace

std::shared_ptr<const Flow> read_graph(const PatternBlock::Of& of, const SubFlowSource& sub_flows) {
  return GraphReader(of, sub_flows).read();
}

}  // namespace suffice::workflow
