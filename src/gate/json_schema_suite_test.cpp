// Runs the JSON Schema Test Suite (data set json_schema_test_suite) and holds the counts that docs/formats.md states.
//
// A schema that is refused is counted as refused, never as passed. An answer that the suite calls invalid and that is accepted would be
// a hole in the gate: none is allowed outside the named set.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <unistd.h>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "gate/json_schema.hpp"

namespace suffice::gate {
namespace {

namespace fs = std::filesystem;

struct Tally {
  int passed = 0;
  int refused = 0;
  int annotated = 0;  ///< accepted, since what the test asserts is an annotation here
  int wrong_accepts = 0;
  int wrong_rejects = 0;
};

/// The suite, unpacked for the time of one test.
class Unpacked {
 public:
  explicit Unpacked(const fs::path& archive) {
    std::string name = (fs::temp_directory_path() / "suffice_schema_suite_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) return;
    folder_ = name;
    const std::string command = "tar -xJf '" + archive.string() + "' -C '" + name + "'";
    ok_ = std::system(command.c_str()) == 0;  // NOLINT(cert-env33-c,concurrency-mt-unsafe): a test's own fixed command
  }
  ~Unpacked() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
  bool ok_ = false;
};

boost::json::value parsed(const fs::path& file) {
  std::ifstream in(file);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  boost::json::parse_options options;
  options.max_depth = 128;
  return boost::json::parse(text, {}, options);
}

/// A schema of the draft-07 folder says so only by lying there.
std::string schema_text(boost::json::value schema, std::string_view draft) {
  if (draft == "draft7" && schema.is_object() && !schema.get_object().contains("$schema")) {
    schema.get_object()["$schema"] = "http://json-schema.org/draft-07/schema#";
  }
  return boost::json::serialize(schema);
}

void run_file(const fs::path& file, std::string_view draft, Tally& tally, std::set<std::string>& wrong,
              std::map<std::string, int>& refusals) {
  for (const boost::json::value& group : parsed(file).as_array()) {
    const auto compiled = JsonSchema::compile(schema_text(group.at("schema"), draft));
    for (const boost::json::value& one : group.at("tests").as_array()) {
      if (!compiled) {
        ++tally.refused;
        ++refusals[compiled.error().message];
        continue;
      }
      const bool accepted = (*compiled)->validate(boost::json::serialize(one.at("data"))).empty();
      if (accepted == one.at("valid").as_bool()) {
        ++tally.passed;
        continue;
      }
      // Draft-07 lets an implementation check contentEncoding and contentMediaType; here they are annotations.
      if (accepted && file.filename() == "content.json") {
        ++tally.annotated;
        continue;
      }
      ++(accepted ? tally.wrong_accepts : tally.wrong_rejects);
      wrong.insert(std::string(accepted ? "accepts " : "rejects ") + std::string(draft) + "/" +
                   file.filename().string() + ": " + std::string(group.at("description").as_string()) + ": " +
                   std::string(one.at("description").as_string()));
    }
  }
}

struct DraftCase {
  const char* draft;
  const char* folder;
  int passed_min;
  int refused_max;
};

void PrintTo(const DraftCase& one, std::ostream* out) { *out << one.draft << "/" << one.folder; }

class JsonSchemaSuite : public testing::TestWithParam<DraftCase> {};

TEST_P(JsonSchemaSuite, AcceptsNothingThatTheSuiteCallsInvalid) {
  const char* data = std::getenv("SUFFICE_DATA_DIR");  // NOLINT(concurrency-mt-unsafe)
  if (data == nullptr) GTEST_SKIP() << "SUFFICE_DATA_DIR is not set";
  const fs::path archive = fs::path(data) / "json_schema_test_suite" / "json_schema_test_suite.tar.xz";
  if (!fs::exists(archive)) GTEST_SKIP() << "no json_schema_test_suite in SUFFICE_DATA_DIR";
  const Unpacked suite(archive);
  ASSERT_TRUE(suite.ok());

  const DraftCase& expected = GetParam();
  Tally tally;
  std::set<std::string> wrong;
  std::map<std::string, int> refusals;
  for (const auto& file : fs::directory_iterator(suite.folder() / "tests" / expected.draft / expected.folder)) {
    if (file.path().extension() == ".json") run_file(file.path(), expected.draft, tally, wrong, refusals);
  }

  std::printf("%s/%s: passed %d, refused %d, annotations %d, wrong accepts %d, wrong rejects %d\n", expected.draft,
              expected.folder, tally.passed, tally.refused, tally.annotated, tally.wrong_accepts, tally.wrong_rejects);
  for (const auto& [message, count] : refusals) std::printf("  refused %3d  %s\n", count, message.c_str());
  for (const std::string& one : wrong) std::printf("  %s\n", one.c_str());
  EXPECT_EQ(tally.wrong_accepts, 0);
  EXPECT_EQ(tally.wrong_rejects, 0);
  EXPECT_GE(tally.passed, expected.passed_min);
  EXPECT_LE(tally.refused, expected.refused_max);
  EXPECT_LE(tally.annotated, 4);
}

INSTANTIATE_TEST_SUITE_P(Drafts, JsonSchemaSuite,
                         testing::Values(DraftCase{"draft7", ".", 897, 30}, DraftCase{"draft2020-12", ".", 1246, 53},
                                         DraftCase{"draft7", "optional", 109, 5},
                                         DraftCase{"draft2020-12", "optional", 144, 18}));

}  // namespace
}  // namespace suffice::gate
