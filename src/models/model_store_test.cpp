#include "models/model_store.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/hash.hpp"
#include "models/made_gguf.hpp"
#include "testing/manual_clock.hpp"

namespace suffice::models {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A GGUF that differs from every other number's.
std::string gguf(std::uint32_t number) {
  return MadeGguf().header(0, 2).entry("general.architecture", "llama").entry("a.number", number).bytes();
}

class ModelStoreTest : public ::testing::Test {
 protected:
  ModelStoreTest() {
    std::string name = (fs::temp_directory_path() / "suffice-store-XXXXXX").string();
    folder_ = ::mkdtemp(name.data()) != nullptr ? name : std::string();
    store = ModelStore(folder_ / "store");
  }
  ~ModelStoreTest() override { fs::remove_all(folder_); }

  std::string file(std::string_view name, std::string_view bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  Result<StoredModel> add(std::string_view name, std::string_view bytes) {
    return store.add(file("in.gguf", bytes), {.name = std::string(name), .source = "a test"}, clock);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const StoredModel& model : store.list().value()) all.push_back(model.name);
    return all;
  }
  std::vector<fs::path> blobs() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(store.folder() / "blobs")) all.push_back(entry.path());
    return all;
  }

  fs::path folder_;
  ModelStore store{"/nonexistent"};
  suffice::testing::ManualClock clock;
};

TEST_F(ModelStoreTest, IsEmptyBeforeItExists) {
  EXPECT_THAT(store.list().value(), IsEmpty());
  EXPECT_FALSE(store.holds(std::string(64, 'a')).value());
  EXPECT_THAT(store.find("x").error().message, HasSubstr("suffice models add"));
}

TEST_F(ModelStoreTest, KeepsAFileByItsDigestAndFindsItByName) {
  const StoredModel added = add("tiny", gguf(1)).value();
  EXPECT_EQ(added.sha256, sha256_hex(gguf(1)));
  EXPECT_EQ(added.bytes, gguf(1).size());
  EXPECT_EQ(store.find("tiny").value(), added);
  EXPECT_TRUE(store.holds(added.sha256).value());
  std::ifstream blob(store.blob(added.sha256), std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(blob), {}), gguf(1));
  struct stat info{};
  ASSERT_EQ(::stat(store.blob(added.sha256).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0444U);
  EXPECT_THAT(added.added, ::testing::MatchesRegex("[0-9-]+T[0-9:]+Z"));
}

TEST_F(ModelStoreTest, KeepsOneFileForTwoNames) {
  ASSERT_TRUE(add("one", gguf(1)));
  ASSERT_TRUE(add("two", gguf(1)));
  EXPECT_THAT(names(), ElementsAre("one", "two"));
  EXPECT_THAT(blobs(), SizeIs(1));
  ASSERT_TRUE(store.remove("one"));
  EXPECT_THAT(blobs(), SizeIs(1)) << "the other name still needs it";
  ASSERT_TRUE(store.remove("two"));
  EXPECT_THAT(blobs(), IsEmpty());
}

TEST_F(ModelStoreTest, TakesTheSameFileTwiceButNotAnotherUnderItsName) {
  ASSERT_TRUE(add("tiny", gguf(1)));
  EXPECT_TRUE(add("tiny", gguf(1)));
  const Result<StoredModel> other = add("tiny", gguf(2));
  EXPECT_EQ(other.error().code, ErrorCode::InvalidArgument);
  EXPECT_THAT(other.error().message, HasSubstr("--name"));
  EXPECT_EQ(store.find("tiny")->sha256, sha256_hex(gguf(1)));
  EXPECT_THAT(blobs(), SizeIs(1)) << "the refused copy is gone";
}

TEST_F(ModelStoreTest, RefusesWhatIsNoModelAndWhatIsNoName) {
  EXPECT_EQ(add("tiny", "hello").error().code, ErrorCode::ModelInvalid);
  EXPECT_EQ(add("../up", gguf(1)).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(add("", gguf(1)).error().code, ErrorCode::InvalidArgument);
  EXPECT_EQ(add(std::string(65, 'n'), gguf(1)).error().code, ErrorCode::InvalidArgument);
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ModelStoreTest, LeavesNothingBehindWhenItIsStopped) {
  const auto stop = [](std::uint64_t) { return false; };
  const Result<StoredModel> stopped = store.add(file("in.gguf", gguf(1)), {.name = "tiny", .source = ""}, clock, stop);
  EXPECT_EQ(stopped.error().code, ErrorCode::Cancelled);
  EXPECT_THAT(blobs(), IsEmpty());
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ModelStoreTest, SaysWhichFilesAreNotWhatTheyWere) {
  const StoredModel changed = add("changed", gguf(1)).value();
  const StoredModel cut = add("cut", gguf(2)).value();
  const StoredModel missing = add("missing", gguf(3)).value();
  const StoredModel good = add("good", gguf(4)).value();
  const auto overwrite = [&](const StoredModel& model, std::string bytes) {
    fs::permissions(store.blob(model.sha256), fs::perms::owner_all);
    std::ofstream(store.blob(model.sha256), std::ios::binary) << bytes;
  };
  std::string flipped = gguf(1);
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  overwrite(changed, flipped);
  overwrite(cut, gguf(2).substr(0, 10));
  fs::remove(store.blob(missing.sha256));

  EXPECT_THAT(store.verify(changed).problem, HasSubstr("changed"));
  EXPECT_THAT(store.verify(cut).problem, HasSubstr("10 bytes instead of"));
  EXPECT_THAT(store.verify(missing).problem, HasSubstr("cannot be opened"));
  EXPECT_EQ(store.verify(good).problem, "");
}

TEST_F(ModelStoreTest, SaysThatItsIndexIsDamaged) {
  ASSERT_TRUE(add("tiny", gguf(1)));
  const std::map<std::string, std::string> cases = {
      {"no JSON", "{"},
      {"another shape", "[]"},
      {"future format", R"({"format": 2, "models": []})"},
      {"entry without digest", R"({"format": 1, "models": [{"name": "a", "bytes": 1}]})"},
      {"digest that is a path",
       R"({"format": 1, "models": [{"name": "a", "bytes": 1, "sha256": "../../etc/passwd"}]})"}};
  for (const auto& [name, text] : cases) {
    std::ofstream(store.folder() / "index.json", std::ios::trunc) << text;
    EXPECT_EQ(store.list().error().code, ErrorCode::ConfigInvalid) << name;
    EXPECT_EQ(add("other", gguf(2)).error().code, ErrorCode::ConfigInvalid) << name << ": and it is not overwritten";
  }
}

// Each process adds its own models at the same time as the others; the lock keeps every entry.
TEST_F(ModelStoreTest, LosesNoEntryWhenProcessesAddAtOnce) {
  constexpr int kProcesses = 4;
  constexpr int kModels = 5;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      bool good = true;
      for (int m = 0; m < kModels; ++m) {
        const auto number = static_cast<std::uint32_t>(p * kModels + m);
        const std::string path = file("in-" + std::to_string(number), gguf(number));
        good = good && store.add(path, {.name = "m" + std::to_string(number), .source = ""}, clock).has_value();
      }
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_THAT(names(), SizeIs(kProcesses * kModels));
  for (const StoredModel& model : store.list().value()) EXPECT_EQ(store.verify(model).problem, "") << model.name;
}

TEST(ModelName, IsMadeOfAFilesName) {
  EXPECT_EQ(model_name_from("/x/Qwen2.5-0.5B-Instruct-Q4_K_M.gguf"), "qwen2.5-0.5b-instruct-q4_k_m");
  EXPECT_EQ(model_name_from("My Model (1).gguf"), "my-model-1");
  EXPECT_EQ(model_name_from("..gguf"), "model");
  EXPECT_EQ(model_name_from("--.gguf"), "model");
  EXPECT_TRUE(check_model_name(model_name_from(std::string(200, 'x'))));
}

TEST(DefaultStoreFolder, FollowsTheEnvironment) {
  using Variables = std::map<std::string, std::string, std::less<>>;
  const auto folder = [](const Variables& variables) {
    return default_store_folder([&](std::string_view name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  };
  EXPECT_EQ(folder({{"HOME", "/h"}}).value(), "/h/.local/share/suffice/models");
  EXPECT_EQ(folder({{"HOME", "/h"}, {"XDG_DATA_HOME", "/d"}}).value(), "/d/suffice/models");
  EXPECT_EQ(folder({{"HOME", "/h"}, {"SUFFICE_MODEL_STORE", "/s"}}).value(), "/s");
  EXPECT_EQ(folder({}).error().where, "--store");
}

}  // namespace
}  // namespace suffice::models
