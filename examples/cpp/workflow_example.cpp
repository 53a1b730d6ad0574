// A workflow in C++: draft, check, revise at most twice, give up otherwise. Prints its graph, its steps and what it used.
//   workflow_example [JOURNAL]     with a file the run is kept there; run it again to see that nothing is run twice

#include <cstdio>
#include <string>

#include <suffice/workflow.hpp>

namespace flows = suffice::flows;

namespace {

/// Stands for a model: its second draft is short enough.
flows::Outcome<flows::Message> draft(const flows::Message& in, flows::Step& step) {
  if (const flows::Outcome<void> may = step.reserve(0.001, 40); !may) return std::unexpected(may.error());
  const int tries = step.state("tries") ? std::stoi(*step.state("tries")) + 1 : 1;
  step.set_state("tries", std::to_string(tries));
  step.pay("drafter", 0.0005, 20, 10);
  step.progress("draft " + std::to_string(tries));
  const std::string text = tries == 1 ? in.json : "\"Short.\"";
  return flows::Message{.type = "draft", .json = text};
}

bool is_short(const flows::Message& message) { return message.json.size() < 20; }

}  // namespace

int main(int argc, char** argv) {
  flows::Builder builder("note");
  builder.add("draft", draft, {.takes = {}, .gives = {"draft"}, .version = "1"})
      .add("publish",
           [](const flows::Message& in, flows::Step&) -> flows::Outcome<flows::Message> {
             return flows::Message{.type = "note", .json = in.json};
           })
      .loop("revisions", 2)
      .connect("draft", "publish", {.label = "short enough", .when = is_short, .loop = {}})
      .connect("draft", "draft", {.label = "too long", .when = {}, .loop = "revisions"});
  const flows::Outcome<flows::Workflow> workflow = builder.build();
  if (!workflow) {
    std::fprintf(stderr, "%s\n", workflow.error().message.c_str());
    return 2;
  }
  std::printf("%s", workflow->to_mermaid().c_str());

  flows::RunOptions options;
  options.usd_max = 0.01;
  if (argc > 1) options.journal = argv[1];
  options.on_event = [](const flows::Event& event) {
    if (event.kind == "progress") std::printf("  %.*s\n", static_cast<int>(event.text.size()), event.text.data());
  };
  const flows::Message input{.type = "text", .json = "\"This first draft says far more than anybody wants to read.\""};
  const flows::Outcome<flows::Run> run = workflow->run(input, options);
  if (!run) {
    std::fprintf(stderr, "%s: %s\n", run.error().code.c_str(), run.error().message.c_str());
    return 3;
  }
  std::printf("%s after %llu steps (%llu from the journal), %lld calls, $%.4f\n", run->output.json.c_str(),
              static_cast<unsigned long long>(run->steps), static_cast<unsigned long long>(run->replayed),
              static_cast<long long>(run->calls), run->usd);
  return 0;
}
