#include "pipeline/task_resolution.hpp"

#include <gtest/gtest.h>

namespace suffice::pipeline {
namespace {

policy::Policy two_tasks() {
  policy::Policy policy;
  policy.tasks["triage"].name = "triage";
  policy.tasks["triage"].match = {{.system_contains = "Classify the Issue", .tool_names = {}, .input_chars_max = 0}};
  policy.tasks["tools"].name = "tools";
  policy.tasks["tools"].match = {{.system_contains = {}, .tool_names = {"read_file"}, .input_chars_max = 100}};
  return policy;
}

ChatRequest plain() {
  ChatRequest request;
  request.model = "gpt-4o";
  request.messages.push_back(Message::of(Role::User, "hello"));
  return request;
}

TEST(ResolveTask, PrefersHeaderThenMetadataThenModelThenRuleThenDefault) {
  policy::Policy policy = two_tasks();
  policy.default_task = "chat";
  ChatRequest request = plain();
  EXPECT_EQ(resolve_task(policy, request, "").name, "chat");

  request.messages.insert(request.messages.begin(), Message::of(Role::System, "please CLASSIFY the issue below"));
  EXPECT_EQ(resolve_task(policy, request, "").name, "triage");
  EXPECT_EQ(resolve_task(policy, request, "").by, NamedBy::Rule);

  request.model = "suffice/intent";
  EXPECT_EQ(resolve_task(policy, request, "").name, "intent");

  request.metadata["task"] = "summarize";
  EXPECT_EQ(resolve_task(policy, request, "").name, "summarize");
  EXPECT_EQ(resolve_task(policy, request, "review").name, "review");
}

TEST(ResolveTask, LeavesTheChoiceToRulesForAutoAndForeignModels) {
  const policy::Policy policy = two_tasks();
  ChatRequest request = plain();
  request.tools.push_back({.name = "read_file", .description = {}, .parameters = {}, .strict = std::nullopt});
  for (const char* model : {"suffice/auto", "suffice/cascade", "suffice", "gpt-4o"}) {
    request.model = model;
    EXPECT_EQ(resolve_task(policy, request, "").name, "tools") << model;
  }

  request.messages.front() = Message::of(Role::User, std::string(101, 'x'));
  EXPECT_EQ(resolve_task(policy, request, "").by, NamedBy::Nothing) << "all conditions of a rule must hold";
}

TEST(GateInput, HoldsEverythingTheCallerSent) {
  ChatRequest request = plain();
  Message call;
  call.role = Role::Assistant;
  call.tool_calls.push_back({.id = "1", .name = "f", .arguments = R"({"path":"/etc"})"});
  request.messages.push_back(call);
  request.messages.push_back(Message::of(Role::Tool, "401 from the registry"));

  EXPECT_EQ(gate_input(request), "hello\n{\"path\":\"/etc\"}\n401 from the registry");
}

}  // namespace
}  // namespace suffice::pipeline
