#include "audit/vault.hpp"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/event_json.hpp"
#include "audit/recorder.hpp"
#include "audit/stores_for_tests.hpp"
#include "audit/verify.hpp"

namespace suffice::audit {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::test_time;

const std::string kKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const std::string kOtherKey = std::string(63, '0') + "1";
const WallTime kExpires = test_time() + std::chrono::days{7};

TEST(Vault, GivesBackWhatItSealed) {
  const Vault vault = Vault::create(kKey + "\n").value();
  using namespace std::string_literals;
  for (const KeptTexts& texts : {KeptTexts{"how do I\0 log in"s, "like this\xff"}, KeptTexts{},
                                 KeptTexts{"", "only out"}, KeptTexts{std::string(100'000, 'x'), ""}}) {
    const auto sealed = vault.seal("0189", kExpires, texts);
    ASSERT_TRUE(sealed);
    EXPECT_EQ(sealed->expires, "2023-11-21T22:13:20.123Z");
    const auto opened = vault.open(*sealed, test_time());
    ASSERT_TRUE(opened) << describe(opened.error());
    EXPECT_EQ(*opened, texts);
  }
}

TEST(Vault, SealsTheSameTextDifferentlyEachTime) {
  const Vault vault = Vault::create(kKey).value();
  EXPECT_NE(vault.seal("a", kExpires, {"x", "y"})->bytes, vault.seal("a", kExpires, {"x", "y"})->bytes);
}

TEST(Vault, RefusesWhatWasAlteredMovedOrKeptTooLong) {
  const Vault vault = Vault::create(kKey).value();
  const SealedTexts sound = vault.seal("0189-a", kExpires, {"secret question", "secret answer"}).value();
  const auto code = [&](const SealedTexts& sealed, WallTime now) { return vault.open(sealed, now).error().code; };
  for (std::size_t at = 0; at < sound.bytes.size(); at += 3) {
    SealedTexts altered = sound;
    altered.bytes[at] = altered.bytes[at] == '0' ? '1' : '0';
    EXPECT_FALSE(vault.open(altered, test_time())) << at;
  }
  SealedTexts other_event = sound;
  other_event.id = "0189-b";
  SealedTexts longer = sound;
  longer.expires = "2099-01-01T00:00:00.000Z";
  SealedTexts cut = sound;
  cut.bytes.resize(cut.bytes.size() - 2);

  EXPECT_EQ(code(other_event, test_time()), ErrorCode::ChainBroken);
  EXPECT_EQ(code(longer, test_time()), ErrorCode::ChainBroken) << "nobody can make it last longer";
  EXPECT_EQ(code(cut, test_time()), ErrorCode::ChainBroken);
  EXPECT_EQ(code({.id = "0189-a", .expires = sound.expires, .bytes = "zz"}, test_time()), ErrorCode::ChainBroken);
  EXPECT_EQ(code(sound, kExpires), ErrorCode::NotFound);
  EXPECT_EQ(Vault::create(kOtherKey)->open(sound, test_time()).error().code, ErrorCode::Forbidden);
}

TEST(Vault, TakesNoKeyButOfSixtyFourHexDigits) {
  for (const char* key : {"", "secret", "00", "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"}) {
    const auto vault = Vault::create(key);
    ASSERT_FALSE(vault) << key;
    EXPECT_THAT(describe(vault.error()), Not(HasSubstr("zz11"))) << "a key is never shown";
  }
}

class VaultInStores : public testing::BothStores {
 protected:
  std::unique_ptr<Recorder> recorder() {
    RecorderOptions options;
    options.vault = std::make_shared<const Vault>(Vault::create(kKey).value());
    options.keep_for = [](std::string_view task) -> std::optional<std::chrono::milliseconds> {
      if (task == "kept") return std::chrono::hours{1};
      return std::nullopt;
    };
    auto made = Recorder::create(store(), std::move(options));
    EXPECT_TRUE(made);
    return std::move(made).value();
  }

  static Event asked(const std::string& id, const std::string& task, WallTime time) {
    Event event = testing::request_event(id);
    event.task = task;
    event.time = time;
    event.input = "canary-input-" + id + std::string(300, '.') + "beyond-the-preview-" + id;
    event.output = std::string(250, '.') + "canary-output-" + id;
    return event;
  }
};
INSTANTIATE_TEST_SUITE_P(Stores, VaultInStores, ::testing::Values("Sqlite", "Postgres"),
                         [](const auto& info) { return info.param; });

TEST_P(VaultInStores, KeepsTheTextsOfTasksThatAskForIt) {
  const Vault vault = Vault::create(kKey).value();
  {
    const auto recorder = this->recorder();
    ASSERT_TRUE(recorder->record(asked("aaaaaaaa-1", "kept", test_time())));
    ASSERT_TRUE(recorder->record(asked("bbbbbbbb-2", "other", test_time())));
    ASSERT_TRUE(recorder->flush(std::chrono::seconds{30}));
  }

  const auto kept = reader()->sealed("aaaaaaaa-1");
  const auto other = reader()->sealed("bbbbbbbb-2");

  ASSERT_TRUE(kept && *kept) << "sealed with its event";
  const auto texts = vault.open(**kept, test_time());
  ASSERT_TRUE(texts) << describe(texts.error());
  EXPECT_EQ(texts->input, asked("aaaaaaaa-1", "kept", test_time()).input);
  EXPECT_EQ(texts->output, asked("aaaaaaaa-1", "kept", test_time()).output);
  ASSERT_TRUE(other);
  EXPECT_FALSE(*other) << "nothing is kept that nobody asked for";
  EXPECT_TRUE(verify(*reader())->ok()) << "the chain does not depend on what expires";
}

TEST_P(VaultInStores, ForgetsWhatHasExpired) {
  auto recorder = this->recorder();
  ASSERT_TRUE(recorder->record(asked("aaaaaaaa-1", "kept", test_time())));
  ASSERT_TRUE(recorder->flush(std::chrono::seconds{30}));
  ASSERT_TRUE(reader()->sealed("aaaaaaaa-1").value());

  ASSERT_TRUE(recorder->record(asked("bbbbbbbb-2", "kept", test_time() + std::chrono::hours{2})));
  ASSERT_TRUE(recorder->record(asked("cccccccc-3", "kept", test_time() + std::chrono::hours{2})));
  ASSERT_TRUE(recorder->flush(std::chrono::seconds{30}));
  recorder.reset();  // it forgets after it has told that the events are durable

  EXPECT_FALSE(reader()->sealed("aaaaaaaa-1").value());
  EXPECT_TRUE(reader()->sealed("bbbbbbbb-2").value());
}

/// The canaries lie beyond the preview: only the vault has them.
TEST(VaultOnDisk, HoldsNothingInClear) {
  const testing::TemporaryFolder folder;
  RecorderOptions options;
  options.vault = std::make_shared<const Vault>(Vault::create(kKey).value());
  options.keep_for = [](std::string_view) { return std::optional<std::chrono::milliseconds>(std::chrono::hours{1}); };
  auto recorder = Recorder::create(open_sqlite_store(folder / "audit.db").value(), std::move(options));
  ASSERT_TRUE(recorder);
  Event event = testing::request_event("aaaaaaaa-1");
  event.input = std::string(300, '.') + "CANARY-BEYOND-THE-PREVIEW";
  event.output = std::string(300, '.') + "CANARY-BEYOND-THE-PREVIEW";
  ASSERT_TRUE((*recorder)->record(event) && (*recorder)->flush(std::chrono::seconds{30}));

  ASSERT_TRUE(open_sqlite_reader(folder / "audit.db").value()->sealed("aaaaaaaa-1").value());
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find("CANARY"), std::string::npos) << entry.path();
    EXPECT_EQ(bytes.find("43414e415259"), std::string::npos) << "nor in hex: " << entry.path();
    EXPECT_EQ(bytes.find(kKey), std::string::npos) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 3U);
}

}  // namespace
}  // namespace suffice::audit
