#include "models/gguf.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/made_gguf.hpp"
#include "models/model_file.hpp"

namespace suffice::models {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

/// A folder of the test's own, gone with it.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "suffice-gguf-XXXXXX").string();
    path_ = ::mkdtemp(name.data()) != nullptr ? name : std::string();
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string at(std::string_view name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string file(std::string_view name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return at(name);
  }

 private:
  fs::path path_;
};

/// The model the repository ships.
std::string shipped_model() { return fs::path(SUFFICE_SOURCE_DIR) / "models/suffice-mini/suffice-mini-q4_0.gguf"; }

TEST(Gguf, ReadsEveryEntryAndTensor) {
  const GgufHeader header = read_gguf(good_gguf()).value();
  EXPECT_EQ(header.version, 3U);
  EXPECT_EQ(header.entries.size(), 10U);
  EXPECT_EQ(header.text("general.name"), "made up");
  EXPECT_EQ(header.number("llama.context_length"), 256U);
  EXPECT_EQ(std::get<GgufArray>(*header.find("tokenizer.ggml.tokens")), (GgufArray{.type = "text", .count = 3}));
  EXPECT_EQ(header.find("no.such.key"), nullptr);
  ASSERT_EQ(header.tensors.size(), 2U);
  EXPECT_EQ(header.tensors[0].name, "token_embd.weight");
  EXPECT_EQ(header.tensors[0].type, "Q4_0");
  EXPECT_EQ(header.tensors[0].elements, 96U);
  EXPECT_EQ(header.tensors[0].bytes, 3U * 18U);
  EXPECT_EQ(header.tensors[1].bytes, 128U);
  EXPECT_EQ(header.data_begin + 64 + 128, header.file_bytes);
}

TEST(Gguf, TellsWhatAPersonWantsToKnow) {
  const ModelFacts facts = facts_of(read_gguf(good_gguf()).value());
  EXPECT_EQ(facts.name, "made up");
  EXPECT_EQ(facts.kind, "model");
  EXPECT_EQ(facts.architecture, "llama");
  EXPECT_EQ(facts.quantisation, "Q4_0");
  EXPECT_EQ(facts.parameters, 128U);
  EXPECT_EQ(facts.context_length, 256U);
  EXPECT_EQ(facts.vocabulary, 3U);
  EXPECT_EQ(facts.layers, 1U);
  EXPECT_TRUE(facts.chat_template);
  EXPECT_EQ(facts.licence, "MIT");
  EXPECT_THAT(facts.provenance, ::testing::ElementsAre(::testing::Pair("general.author", "nobody")));
}

TEST(Gguf, ReadsTheModelThatShips) {
  if (!fs::exists(shipped_model())) GTEST_SKIP() << "no " << shipped_model();
  const Result<GgufHeader> header = read_gguf_file(shipped_model());
  ASSERT_TRUE(header) << describe(header.error());
  const ModelFacts facts = facts_of(*header);
  EXPECT_EQ(facts.architecture, "llama");
  EXPECT_GT(facts.parameters, 1'000'000U);
  EXPECT_EQ(facts.file_bytes, fs::file_size(shipped_model()));
  EXPECT_GT(facts.context_length, 0U);
}

TEST(Gguf, RefusesWhatIsDamagedAndSaysHow) {
  struct Case {
    const char* name;
    std::string bytes;
    const char* says;
  };
  const auto entry = [] { return MadeGguf().header(0, 1); };
  const auto tensor = [] { return MadeGguf().header(1, 0); };
  const Case cases[] = {
      {"empty", "", "too short"},
      {"three bytes", "GGU", "too short"},
      {"another format", std::string(100, 'x'), "not a GGUF"},
      {"version of the future", MadeGguf().header(0, 0, 9).bytes(), "version 9"},
      {"big-endian", MadeGguf().header(0, 0, 0x03000000).bytes(), "little-endian"},
      {"absurd number of tensors", MadeGguf().header(kHuge, 0).bytes(), "tensors"},
      {"absurd number of entries", MadeGguf().header(0, 1U << 30U).bytes(), "metadata entries"},
      {"header alone", MadeGguf().header(0, 1).bytes(), "in the middle of its header"},
      {"key without end", entry().u64(kHuge).bytes(), "a key of"},
      {"key beyond the file", entry().u64(60'000).raw("abc").bytes(), "in the middle"},
      {"key without name", entry().entry("", "x").bytes(), "without a name"},
      {"key twice", MadeGguf().header(0, 2).entry("a", 1U).entry("a", 2U).bytes(), "twice"},
      {"unknown value type", entry().text("a").u32(13).u64(0).bytes(), "value type 13"},
      {"yes or no of 7", entry().text("a").u32(7).u8(7).bytes(), "yes-or-no"},
      {"absurd text", entry().text("a").u32(8).u64(kHuge).bytes(), "a text of"},
      {"array of arrays", entry().text("a").u32(9).u32(9).u64(1).bytes(), "array of arrays"},
      {"absurd array", entry().text("a").u32(9).u32(0).u64(kHuge).bytes(), "an array of"},
      {"array beyond the file", entry().text("a").u32(9).u32(10).u64(1'000'000).bytes(), "in the middle"},
      {"text in an array beyond the file", entry().text("a").u32(9).u32(8).u64(2).text("b").u64(500).bytes(),
       "in the middle"},
      {"tensor name too long", tensor().tensor(std::string(65, 'n'), {1}, 0, 0).bytes(), "tensor's name"},
      {"tensor twice", MadeGguf().header(2, 0).tensor("t", {8}, 0, 0).tensor("t", {8}, 0, 32).data(64).bytes(),
       "twice"},
      {"five dimensions", tensor().text("t").u32(5).bytes(), "5 dimensions"},
      {"size of zero", tensor().tensor("t", {0}, 0, 0).data(64).bytes(), "impossible size"},
      {"sizes that overflow", tensor().tensor("t", {1ULL << 33U, 1ULL << 33U}, 0, 0).data(64).bytes(),
       "impossible size"},
      {"bytes that overflow", tensor().tensor("t", {1ULL << 62U}, 28, 0).data(64).bytes(), "impossible size"},
      {"unknown tensor type", tensor().tensor("t", {32}, 999, 0).data(64).bytes(), "tensor type 999"},
      {"rows that do not fit their blocks", tensor().tensor("t", {33}, 2, 0).data(64).bytes(), "do not fit"},
      {"tensor out of alignment", tensor().tensor("t", {8}, 0, 7).data(64).bytes(), "alignment"},
      {"tensor beyond the end", tensor().tensor("t", {1'000'000}, 0, 0).data(64).bytes(), "cut short"},
      {"offset that overflows", tensor().tensor("t", {8}, 0, kHuge - 31).data(64).bytes(), "cut short"},
      {"two tensors in one place",
       MadeGguf().header(2, 0).tensor("a", {16}, 0, 0).tensor("b", {16}, 0, 32).data(128).bytes(), "in one place"},
      {"alignment of zero", MadeGguf().header(0, 1).entry("general.alignment", 0U).bytes(), "alignment"},
      {"alignment of 33", MadeGguf().header(0, 1).entry("general.alignment", 33U).bytes(), "alignment"},
  };
  for (const Case& c : cases) {
    const Result<GgufHeader> header = read_gguf(c.bytes);
    ASSERT_FALSE(header) << c.name;
    EXPECT_EQ(header.error().code, ErrorCode::ModelInvalid) << c.name;
    EXPECT_THAT(header.error().message, HasSubstr(c.says)) << c.name;
    EXPECT_THAT(header.error().message, HasSubstr("; ")) << c.name << ": no next step";
  }
}

TEST(Gguf, RefusesAFileCutAtAnyByte) {
  const std::string whole = good_gguf();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(read_gguf(std::string_view(whole).substr(0, size))) << "cut after " << size << " bytes";
  }
}

TEST(Gguf, HoldsTheSumOfTextsDown) {
  MadeGguf file;
  file.header(0, 3);
  for (const char* key : {"a", "b", "c"}) file.entry(key, std::string(1'000, 't'));
  GgufLimits limits;
  limits.strings_bytes_max = 2'500;
  EXPECT_THAT(read_gguf(file.bytes(), limits).error().message, HasSubstr("too long together"));
  EXPECT_TRUE(read_gguf(file.bytes()));
}

TEST(Gguf, ReadsAFileLikeItsBytes) {
  const Folder folder;
  const std::string path = folder.file("good.gguf", good_gguf());
  const Result<GgufHeader> header = read_gguf_file(path);
  ASSERT_TRUE(header) << describe(header.error());
  EXPECT_EQ(header->entries, read_gguf(good_gguf())->entries);
  const Result<GgufHeader> cut = read_gguf_file(folder.file("cut.gguf", good_gguf().substr(0, 300)));
  EXPECT_EQ(cut.error().where, folder.at("cut.gguf"));
}

TEST(Gguf, RefusesWhatIsNoFileWithoutWaiting) {
  const Folder folder;
  ASSERT_EQ(::mkfifo(folder.at("fifo").c_str(), 0600), 0);
  struct Case {
    std::string path;
    const char* says;
  };
  const Case cases[] = {{folder.at(""), "a folder"},
                        {folder.at("fifo"), "a FIFO"},
                        {"/dev/null", "a device"},
                        {folder.at("missing"), "cannot be opened"},
                        {folder.file("empty", ""), "too short"}};
  for (const Case& c : cases) {
    const Result<GgufHeader> header = read_gguf_file(c.path);
    ASSERT_FALSE(header) << c.path;
    EXPECT_EQ(header.error().code, ErrorCode::ModelInvalid) << c.path;
    EXPECT_THAT(header.error().message, HasSubstr(c.says)) << c.path;
    EXPECT_EQ(header.error().where, c.path);
  }
}

TEST(ModelFile, DigestsAFileInPieces) {
  const Folder folder;
  const std::string bytes(3'000'000, 'm');
  const ModelFile file = ModelFile::open(folder.file("m", bytes)).value();
  std::uint64_t seen = 0;
  // sha256sum of three million 'm'
  EXPECT_EQ(digest_of(file,
                      [&](std::uint64_t done) {
                        seen = done;
                        return true;
                      })
                .value(),
            "07c18a460aaa7e931a8bc1fedabf1f22ff7f699c7383375470b65e6a781b4655");
  EXPECT_EQ(seen, bytes.size());
  EXPECT_EQ(digest_of(file, [](std::uint64_t) { return false; }).error().code, ErrorCode::Cancelled);
}

}  // namespace
}  // namespace suffice::models
