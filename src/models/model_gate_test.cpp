#include "models/model_gate.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "models/made_gguf.hpp"
#include "testing/manual_clock.hpp"

namespace suffice::models {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class AdmitModel : public ::testing::Test {
 protected:
  AdmitModel() {
    std::string name = (fs::temp_directory_path() / "suffice-gate-XXXXXX").string();
    folder_ = ::mkdtemp(name.data()) != nullptr ? name : std::string();
    store = ModelStore(folder_ / "store");
    request.name = "mini";
    request.file = file("mini.gguf", good_gguf());
  }
  ~AdmitModel() override { fs::remove_all(folder_); }
  std::string file(std::string_view name, std::string_view bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  void put_into_store() {
    suffice::testing::ManualClock clock;
    ASSERT_TRUE(store.add(request.file, {.name = "kept", .source = ""}, clock));
  }

  fs::path folder_;
  ModelStore store{"/nonexistent"};
  ModelRequest request;
  const std::string digest_ = sha256_hex(good_gguf());
};

TEST_F(AdmitModel, RefusesAFileThatNobodyHasAllowed) {
  const Result<AllowedModel> refused = admit_model(request, store);
  EXPECT_EQ(refused.error().code, ErrorCode::ModelInvalid);
  EXPECT_THAT(refused.error().message, HasSubstr(digest_));
  EXPECT_THAT(refused.error().message, HasSubstr("suffice models pin"));
  EXPECT_THAT(refused.error().message, HasSubstr("models.mini"));
  EXPECT_EQ(refused.error().where, request.file);
}

TEST_F(AdmitModel, TakesAPinnedFileAndNoOther) {
  request.sha256 = digest_;
  EXPECT_EQ(admit_model(request, store)->sha256, digest_);
  request.sha256 = sha256_hex("another");
  EXPECT_THAT(admit_model(request, store).error().message, HasSubstr("not the pinned one"));
  request.allowed = {digest_};
  EXPECT_FALSE(admit_model(request, store)) << "a pin outranks the list";
}

TEST_F(AdmitModel, TakesAFileOfTheListOrOfTheStore) {
  request.allowed = {sha256_hex("another"), digest_};
  EXPECT_EQ(admit_model(request, store)->path, request.file);
  request.allowed.clear();
  put_into_store();
  EXPECT_EQ(admit_model(request, store)->path, request.file) << "a copy of a file in the store";
}

TEST_F(AdmitModel, TakesATrustedFileButNotADamagedOne) {
  request.trust = true;
  const Result<AllowedModel> trusted = admit_model(request, store);
  ASSERT_TRUE(trusted);
  EXPECT_EQ(trusted->sha256, "") << "it is not even read";
  request.file = file("cut.gguf", good_gguf().substr(0, 100));
  EXPECT_EQ(admit_model(request, store).error().code, ErrorCode::ModelInvalid);
}

TEST_F(AdmitModel, FindsAFileByItsNameInTheStore) {
  put_into_store();
  request.file = "store:kept";
  const Result<AllowedModel> admitted = admit_model(request, store);
  ASSERT_TRUE(admitted);
  EXPECT_EQ(admitted->path, store.blob(digest_).string());
  EXPECT_EQ(admitted->sha256, digest_);
  request.sha256 = sha256_hex("another");
  EXPECT_THAT(admit_model(request, store).error().message, HasSubstr("not the pinned file"));
  request.file = "store:none";
  EXPECT_EQ(admit_model(request, store).error().code, ErrorCode::NotFound);
}

TEST_F(AdmitModel, RefusesAStoredFileThatHasChanged) {
  put_into_store();
  fs::permissions(store.blob(digest_), fs::perms::owner_all);
  std::string changed = good_gguf();
  changed.back() = 'x';
  std::ofstream(store.blob(digest_), std::ios::binary) << changed;
  request.file = "store:kept";
  EXPECT_THAT(admit_model(request, store).error().message, HasSubstr("suffice models verify"));
}

}  // namespace
}  // namespace suffice::models
