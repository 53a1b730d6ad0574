#include "workflow/model_port.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/run_sync.hpp"
#include "testing/scripted_model.hpp"

namespace suffice::workflow {
namespace {

providers::ModelCall call_of(std::string text) {
  providers::ModelCall call;
  call.request.messages = {Message::of(Role::User, std::move(text))};
  call.request.sampling.max_tokens = 20;
  return call;
}

struct ModelPortTest : ::testing::Test {
  ModelPortTest() {
    model.model.name = "big";
    model.model.model = "big-1";
    model.model.price = {
        .input_per_million = 1'000'000, .cached_per_million = 0, .output_per_million = 0, .hardware_per_hour = 0};
    model.model.sampling.temperature = 0.7;
    model.model.sampling.max_tokens = 500;
    model.client = client;
  }
  Result<Completion> ask(ModelPort& port, const providers::ModelCall& call) {
    return net::run_sync(port.ask(call, Deadline::never()));
  }

  std::shared_ptr<testing::ScriptedModel> client = std::make_shared<testing::ScriptedModel>();
  PortModel model;
  RunLedger ledger;
};

TEST_F(ModelPortTest, AsksByTheProvidersNameWithTheModelsSamplingWhereTheCallSaysNothing) {
  client->answer("yes");
  ModelPort port(model, ledger);

  EXPECT_EQ(ask(port, call_of("is it?"))->text, "yes");

  const providers::ModelCall sent = client->calls().front();
  EXPECT_EQ(sent.request.model, "big-1");
  EXPECT_EQ(sent.request.sampling.temperature, 0.7);
  EXPECT_EQ(sent.request.sampling.max_tokens, 20);
}

TEST_F(ModelPortTest, PaysEveryCallAndKeepsItAsAnAttempt) {
  client->answer("yes").fail_with(ErrorCode::ConnectionClosed);
  ModelPort port(model, ledger);

  ASSERT_TRUE(ask(port, call_of("is it?")));
  EXPECT_EQ(ask(port, call_of("is it?")).error().code, ErrorCode::ConnectionClosed);

  ASSERT_EQ(ledger.attempts().size(), 2U);
  EXPECT_EQ(ledger.attempts()[0].cost, Usd::from_dollars(10)) << "ten input tokens of a dollar each";
  EXPECT_EQ(ledger.attempts()[0].output_sha256.size(), 64U);
  EXPECT_EQ(ledger.attempts()[1].error, name(ErrorCode::ConnectionClosed));
  EXPECT_EQ(ledger.used().front().failed, 1);
}

TEST_F(ModelPortTest, AnAnswerWithoutUsageIsPaidAtItsWorst) {
  Completion silent;
  silent.text = "yes";
  client->answer(silent);
  ModelPort port(model, ledger);

  ASSERT_TRUE(ask(port, call_of("twelve bytes")));

  EXPECT_FALSE(ledger.attempts()[0].usage_known);
  EXPECT_EQ(ledger.attempts()[0].usage, worst_case_usage(12, 20));
}

TEST_F(ModelPortTest, SendsNothingThatCouldOverrunTheBudget) {
  RunLedger poor({.cost_max = Usd::from_dollars(3), .calls_max = 0, .tokens_max = 0});
  ModelPort port(model, poor);

  EXPECT_EQ(ask(port, call_of("twelve bytes")).error().code, ErrorCode::BudgetExhausted);

  EXPECT_TRUE(client->calls().empty());
  EXPECT_THAT(poor.reasons(), ::testing::ElementsAre(Reason::BudgetExhausted));
}

TEST_F(ModelPortTest, ARefusedModelIsNeverAsked) {
  ModelPort hosted(model, ledger, Reason::KillSwitch);
  EXPECT_EQ(ask(hosted, call_of("x")).error().code, ErrorCode::NoFrontier);
  model.model.local = true;
  ModelPort local(model, ledger, Reason::HardStopAccess);
  EXPECT_EQ(ask(local, call_of("x")).error().code, ErrorCode::ModelUnavailable);

  EXPECT_TRUE(client->calls().empty());
  EXPECT_THAT(ledger.reasons(), ::testing::ElementsAre(Reason::KillSwitch, Reason::HardStopAccess));
}

TEST_F(ModelPortTest, CountsTokensByALocalModelsOwnTokenizerElseFromBytes) {
  client->set_tokens(42);
  ModelPort hosted(model, ledger);
  const providers::ModelCall call = call_of("twelve bytes");
  EXPECT_EQ(net::run_sync(hosted.count_tokens(call, Deadline::never())), 5);
  model.model.local = true;
  ModelPort local(model, ledger);
  EXPECT_EQ(net::run_sync(local.count_tokens(call, Deadline::never())), 42);
  EXPECT_EQ(local.context_window(), 8192);
}

}  // namespace
}  // namespace suffice::workflow
