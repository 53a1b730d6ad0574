#include "audit/event_json.hpp"

#include <fstream>
#include <iterator>
#include <limits>
#include <memory>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "audit/sample_events.hpp"
#include "core/hash.hpp"

namespace suffice::audit {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::request_event;

std::unique_ptr<valijson::Schema> load_schema() {
  std::ifstream file(SUFFICE_AUDIT_SCHEMA_FILE);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const boost::json::value document = boost::json::parse(text);
  auto schema = std::make_unique<valijson::Schema>();
  valijson::SchemaParser parser;
  parser.populateSchema(valijson::adapters::BoostJsonAdapter(document), *schema);
  return schema;
}

::testing::AssertionResult satisfies_schema(const std::string& json) {
  static const std::unique_ptr<valijson::Schema> schema = load_schema();
  const boost::json::value value = boost::json::parse(json);
  valijson::ValidationResults results;
  valijson::Validator validator;
  if (validator.validate(*schema, valijson::adapters::BoostJsonAdapter(value), &results))
    return ::testing::AssertionSuccess();
  auto failure = ::testing::AssertionFailure();
  valijson::ValidationResults::Error error;
  while (results.popError(error)) failure << error.description << "\n";
  return failure << json;
}

void expect_sorted_keys(const boost::json::value& value) {
  if (const auto* array = value.if_array()) {
    for (const auto& element : *array) expect_sorted_keys(element);
  }
  if (const auto* object = value.if_object()) {
    std::string before;
    for (const auto& member : *object) {
      const std::string key(member.key().data(), member.key().size());
      EXPECT_LT(before, key);
      before = key;
      expect_sorted_keys(member.value());
    }
  }
}

TEST(EventJson, SatisfiesItsSchemaForEveryKindOfEvent) {
  using enum Event::Kind;
  for (const auto kind : {Request, PolicyReload, PolicyReloadFailed, KillSwitch, Start, Stop, Shadow, Review, Feedback,
                          Promotion, Rollback, CertificateWithdrawn, VaultRead}) {
    Event full = request_event("0189");
    full.kind = kind;
    full.note = "policy 7 loaded";
    full.workflow = "minions";
    full.run_id = full.refers_to = "0188";
    full.actor = "anna";
    full.label = kind == Shadow ? "differs" : "accept";
    full.label_value = "test";
    if (kind == Shadow) full.route = Route::Local;
    EXPECT_TRUE(satisfies_schema(event_json(full)));
    Event bare;
    bare.kind = kind;
    if (kind == Shadow) bare.route = Route::Local;
    EXPECT_TRUE(satisfies_schema(event_json(bare)));
  }
  for (const Reason reason : all_reasons()) {
    Event event = request_event("0189");
    event.reasons = {reason};
    EXPECT_TRUE(satisfies_schema(event_json(event)));
  }
}

TEST(EventJson, IsRefusedByItsSchemaWhenAFieldIsInvented) {
  std::string json = event_json(request_event("0189"));
  json.insert(json.size() - 1, ",\"zzz\":1");

  EXPECT_FALSE(satisfies_schema(json));
}

TEST(EventJson, WritesKeysInByteOrderAtEveryLevel) {
  for (const auto kind : {Event::Kind::Request, Event::Kind::Start, Event::Kind::Shadow, Event::Kind::Review}) {
    Event event = request_event("0189");
    event.kind = kind;
    event.note = event.workflow = event.run_id = event.refers_to = event.actor = event.label = event.label_value = "n";
    Attempt& attempt = event.attempts[0];
    attempt.adapter = attempt.error = attempt.certificate = "x";
    expect_sorted_keys(boost::json::parse(event_json(event)));
  }
}

TEST(EventJson, KeepsOfTextsOnlyHashSizeAndRedactedPreview) {
  Event event = request_event("0189");
  event.input = "password=hunter2 " + std::string(5'000, 'z') + " the end";
  event.output = "mail anna@example.com";
  event.note = "key sk-abcdefghijklmnopqrstuvwxyz failed";
  event.attempts[0].checks[0].detail = "found anna@example.com";

  const std::string json = event_json(event);

  EXPECT_THAT(json, Not(HasSubstr("hunter2")));
  EXPECT_THAT(json, Not(HasSubstr("the end")));
  EXPECT_THAT(json, Not(HasSubstr("anna@example.com")));
  EXPECT_THAT(json, Not(HasSubstr("sk-abc")));
  EXPECT_THAT(json, HasSubstr("\"bytes\":5025"));
  EXPECT_THAT(json, HasSubstr(sha256_hex(event.input)));
  EXPECT_THAT(json, HasSubstr("\"preview\":\"mail [EMAIL]\""));
}

TEST(EventJson, SurvivesHostileValues) {
  Event event = request_event("0189");
  event.task = std::string("a\"b\\c\n\x01\xff\xc3", 9) + std::string(10'000, 'x');
  event.output = std::string("\0\xed\xa0\x80", 4);
  event.attempts[0].signals[0].value = std::numeric_limits<double>::quiet_NaN();
  event.attempts[0].confidence = std::numeric_limits<double>::infinity();

  const StoredEvent stored = stored_form(event);

  EXPECT_TRUE(satisfies_schema(stored.json));
  const boost::json::value parsed = boost::json::parse(stored.json);
  EXPECT_EQ(std::string_view(parsed.as_object().at("task").as_string()), stored.task);
}

TEST(EventJson, HasTheColumnsOfItsText) {
  const StoredEvent stored = stored_form(request_event("0189"));

  EXPECT_EQ(stored.id, "0189");
  EXPECT_EQ(stored.time, "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(stored.kind, "request");
  EXPECT_EQ(stored.route, "escalated");
  EXPECT_EQ(stored.reason, "confidence_low");
}

TEST(EventJson, TakesADigestOfTheOutputThatIsThereAlready) {
  Event event = request_event("0189");
  const std::string computed = event_json(event);
  event.output_sha256 = sha256_hex(event.output);

  EXPECT_EQ(event_json(event), computed);
}

TEST(EventJson, DoesNotChangeItsStoredForm) {
  // A changed digest here means that records written so far are no longer reproduced: raise event_version instead.
  EXPECT_EQ(sha256_hex(event_json(request_event("0189"))),
            "44fd82939ba06f54435aa90dfbe0cbd08c6e86c3e14cca71ced319cfbe1be6b8");
}

}  // namespace
}  // namespace suffice::audit
