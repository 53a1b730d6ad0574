// The journal's file: what is written comes back, what is cut off goes, what is altered or foreign is said to be.

#include "workflow/journal.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::workflow {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "suffice-journal-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] fs::path file() const { return folder_ / "run.journal"; }
  [[nodiscard]] std::string bytes() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(std::string_view bytes) const { std::ofstream(file(), std::ios::binary) << bytes; }

  std::unique_ptr<Journal> created(JournalOptions options = {}) const {
    auto journal = Journal::create(
        file(), JournalHeader{.run_id = "r", .shape = "s", .input_sha256 = "i", .seed = 7, .about = {"{}"}}, options);
    EXPECT_TRUE(journal) << describe(journal.error());
    return *std::move(journal);
  }
  /// Every record of the file, or the error that ends them.
  Result<std::vector<JournalRecord>> records() const {
    SUFFICE_TRY(const std::unique_ptr<Journal> journal, Journal::open(file()));
    std::vector<JournalRecord> all;
    for (;;) {
      SUFFICE_TRY(std::optional<JournalRecord> record, journal->next());
      if (!record) return all;
      all.push_back(*std::move(record));
    }
  }

  fs::path folder_;
};

JournalRecord answer(std::uint64_t step, std::string body = "{}") {
  return {.kind = JournalRecord::Kind::Answer,
          .step = step,
          .executor = "a",
          .input = 1,
          .output = {.type = "t", .body = {std::move(body)}},
          .state = {{"k", {"1"}}},
          .used = {ModelUse{.model = "m",
                            .local = true,
                            .stand_in = false,
                            .calls = 2,
                            .failed = 1,
                            .usage = {.input_tokens = 3},
                            .cost = Usd{-1}}}};
}

JournalRecord checkpoint(std::uint64_t step, std::string body) {
  JournalRecord record{.kind = JournalRecord::Kind::Checkpoint, .step = step, .executor = "a"};
  record.output.body.text = std::move(body);
  return record;
}

TEST_F(JournalTest, GivesBackWhatWasWritten) {
  JournalRecord failure{.kind = JournalRecord::Kind::Failure, .step = 2, .executor = "b"};
  failure.error_code = 23;
  failure.error_message = "why";
  failure.error_where = "where";
  const std::vector<JournalRecord> written = {
      answer(1), failure, checkpoint(3, std::string("\0\n\xff", 3)), {.kind = JournalRecord::Kind::End}};
  {
    const auto journal = created();
    for (const JournalRecord& record : written) ASSERT_TRUE(journal->append(record));
  }

  const auto read = records();

  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(*read, written);
  EXPECT_EQ((*Journal::open(file()))->header(),
            (JournalHeader{.run_id = "r", .shape = "s", .input_sha256 = "i", .seed = 7, .about = {"{}"}}));
}

TEST_F(JournalTest, IsReadableByItsOwnerOnly) {
  created();

  struct stat status{};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(JournalTest, RefusesToOverwriteARun) {
  created();

  const auto again = Journal::create(file(), {});

  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::InvalidArgument);
}

TEST_F(JournalTest, BelongsToOneProcessAtATime) {
  const auto journal = created();

  const auto second = Journal::open(file());

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::Overloaded);
}

TEST_F(JournalTest, SaysThatThereIsNoSuchRun) {
  const auto none = Journal::open(file());

  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::NotFound);
}

TEST_F(JournalTest, CutsOffWhatAKilledProcessHadBegunToWrite) {
  std::vector<std::size_t> ends;
  {
    const auto journal = created();
    for (std::uint64_t step = 1; step <= 3; ++step) {
      ends.push_back(fs::file_size(file()));
      ASSERT_TRUE(journal->append(answer(step)));
    }
  }
  const std::string whole = bytes();
  for (std::size_t size = ends[0]; size <= whole.size(); ++size) {
    write(whole.substr(0, size));
    const std::size_t expected =
        static_cast<std::size_t>(std::ranges::count_if(ends, [&](std::size_t end) { return end <= size; })) - 1 +
        (size == whole.size() ? 1 : 0);

    const auto read = records();

    ASSERT_TRUE(read) << size << ": " << describe(read.error());
    ASSERT_EQ(read->size(), expected) << size;
    ASSERT_EQ(bytes(), whole.substr(0, size == whole.size() ? size : ends[expected])) << size;
  }
}

TEST_F(JournalTest, SaysSoWhenAnyByteWasAltered) {
  {
    const auto journal = created();
    ASSERT_TRUE(journal->append(answer(1)));
    ASSERT_TRUE(journal->append(answer(2)));
  }
  const std::string whole = bytes();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string altered = whole;
    altered[at] = static_cast<char>(altered[at] ^ 0x10);
    write(altered);

    const auto read = records();

    ASSERT_FALSE(read) << at;
    EXPECT_EQ(read.error().code, at < kJournalMagic.size() ? ErrorCode::InvalidArgument : ErrorCode::ChainBroken) << at;
  }
}

TEST_F(JournalTest, SaysThatAForeignFileIsNoJournal) {
  write("{\"kind\": \"something else\"}\n");

  const auto foreign = Journal::open(file());

  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::InvalidArgument);
  EXPECT_THAT(foreign.error().message, HasSubstr("not the journal"));
}

TEST_F(JournalTest, SaysThatARunHadNotBegunWhenItsHeaderIsCutOff) {
  created();
  const std::string whole = bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write(whole.substr(0, size));

    const auto begun = Journal::open(file());

    ASSERT_FALSE(begun) << size;
    EXPECT_THAT(begun.error().message, HasSubstr("start it anew")) << size;
  }
}

TEST_F(JournalTest, DropsCheckpointsThatALaterOneReplaces) {
  constexpr int kMany = 2000;
  {
    const auto journal = created({.sync_every = 0, .compact_bytes = 4096});
    ASSERT_TRUE(journal->append(answer(1)));
    for (int i = 0; i < kMany; ++i) ASSERT_TRUE(journal->append(checkpoint(2, std::to_string(i))));
    EXPECT_LT(fs::file_size(file()), 9000U);
  }
  {
    const auto journal = Journal::open(file(), {.sync_every = 1, .compact_bytes = 4096});
    ASSERT_TRUE(journal) << describe(journal.error());
    std::optional<JournalRecord> last;
    for (auto record = (*journal)->next(); record && *record; record = (*journal)->next()) last = *record;
    ASSERT_TRUE(last);
    EXPECT_EQ(last->output.body.text, std::to_string(kMany - 1));
    for (int i = 0; i < 200; ++i) ASSERT_TRUE((*journal)->append(checkpoint(2, std::to_string(kMany + i))));
    ASSERT_TRUE((*journal)->append(answer(2)));
    EXPECT_FALSE(Journal::open(file()));  // the lock came along
  }

  const auto read = records();

  ASSERT_TRUE(read) << describe(read.error());
  EXPECT_EQ(read->front(), answer(1));
  EXPECT_EQ(read->back(), answer(2));
  EXPECT_EQ(read->at(read->size() - 2).output.body.text, std::to_string(kMany + 199));
}

TEST_F(JournalTest, ReadsRecordsThatAreLargerThanItsBuffer) {
  const JournalRecord large = answer(1, "\"" + std::string(3'000'000, 'x') + "\"");
  {
    const auto journal = created();
    ASSERT_TRUE(journal->append(large));
    ASSERT_TRUE(journal->append(answer(2)));
  }

  const auto read = records();

  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (std::vector<JournalRecord>{large, answer(2)}));
}

}  // namespace
}  // namespace suffice::workflow
