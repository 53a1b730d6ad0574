#include "workflow/flow_io.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::workflow {
namespace {

using ::testing::HasSubstr;

ContentPart text(std::string words) { return {.kind = ContentPart::Kind::Text, .text = std::move(words), .raw = {}}; }

ContentPart file(std::string raw) { return {.kind = ContentPart::Kind::File, .text = {}, .raw = {std::move(raw)}}; }

ChatRequest asked(std::vector<ContentPart> content) {
  ChatRequest chat;
  Message& message = chat.messages.emplace_back();
  message.content = std::move(content);
  return chat;
}

TEST(FlowRequest, ReadsAsItWasWritten) {
  const FlowRequest request{.query = "how \"much\"?",
                            .system = "be brief",
                            .documents = {{.name = "a", .text = "x\ny"}, {.name = "b", .text = ""}}};
  EXPECT_EQ(*read_request(to_message(request)), request);
  EXPECT_EQ(
      to_message(request).body.text,
      R"({"documents":[{"name":"a","text":"x\ny"},{"name":"b","text":""}],"query":"how \"much\"?","system":"be brief"})");
}

TEST(FlowRequest, SaysWhichMemberIsWrong) {
  const auto read = [](const char* body) { return read_request({.type = "request", .body = {body}}).error().where; };
  EXPECT_EQ(read(R"({"query":1})"), "/query");
  EXPECT_EQ(read(R"({"documents":{}})"), "/documents");
  EXPECT_EQ(read(R"({"documents":[1]})"), "/documents/0");
  EXPECT_EQ(read(R"({"documents":[{"text":1}]})"), "/documents/0/text");
  EXPECT_FALSE(read_request({.type = "other", .body = {"{}"}}));
}

TEST(FlowRequest, OfAChatIsItsLastQuestionAndTheFilesOfAllMessages) {
  ChatRequest chat =
      asked({file(R"({"type":"file","file":{"filename":"a.txt","file_data":"SGVsbG8="}})"), text("Who?")});
  chat.messages.insert(chat.messages.begin(), Message::of(Role::System, "be brief"));

  const FlowRequest request = *to_flow_request(chat);

  EXPECT_EQ(request.query, "Who?");
  EXPECT_EQ(request.system, "be brief");
  EXPECT_THAT(request.documents, ::testing::ElementsAre(FlowRequest::Text{.name = "a.txt", .text = "Hello"}));
}

TEST(FlowRequest, TakesTheLongestOfSeveralTextsAndTaggedTextsAsDocuments) {
  const FlowRequest parts =
      *to_flow_request(asked({text("What is this about?"), text("A long text about ships and ports.")}));
  EXPECT_EQ(parts.query, "What is this about?");
  EXPECT_THAT(parts.documents, ::testing::ElementsAre(FlowRequest::Text{.name = "document 1",
                                                                        .text = "A long text about ships and ports."}));

  const FlowRequest tags =
      *to_flow_request(asked({text("Compare\n<document>one</document>\n<document>two</document>\nplease")}));
  EXPECT_THAT(tags.query, HasSubstr("please"));
  EXPECT_EQ(tags.documents.size(), 2U);
  EXPECT_EQ(tags.documents[1].text, "two");
}

TEST(FlowRequest, KeepsTheConversationBeforeTheQuestion) {
  ChatRequest chat = asked({text("And then?")});
  chat.messages.insert(chat.messages.begin(), Message::of(Role::Assistant, "It rained."));
  chat.messages.insert(chat.messages.begin(), Message::of(Role::User, "What happened?"));
  EXPECT_EQ(to_flow_request(chat)->query,
            "Earlier in this conversation:\nuser: What happened?\nassistant: It rained.\n\nAnd then?");
}

TEST(FlowRequest, RefusesWhatIsNoText) {
  ContentPart image{.kind = ContentPart::Kind::Image, .text = {}, .raw = {"{}"}};
  EXPECT_EQ(to_flow_request(asked({image, text("what?")})).error().code, ErrorCode::UnsupportedField);
  EXPECT_EQ(to_flow_request(asked({})).error().code, ErrorCode::InvalidArgument);
}

TEST(FlowAnswer, IsShownAsTextWhateverItsForm) {
  const auto shown = [](const char* body) { return answer_text({.type = "answer", .body = {body}}); };
  EXPECT_EQ(*shown(R"({"answer":"Paris"})"), "Paris");
  EXPECT_EQ(*shown(R"({"answer":16,"votes":3})"), "16");
  EXPECT_EQ(*shown(R"({"answer":{"a":[1]},"text":"one"})"), "one");
  EXPECT_EQ(*shown(R"({"answer":null})"), "not found");
  EXPECT_FALSE(shown(R"({"result":1})"));
  EXPECT_FALSE(answer_text({.type = "maker.plan", .body = {R"({"answer":1})"}}));
}

}  // namespace
}  // namespace suffice::workflow
