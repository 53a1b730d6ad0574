#include "policy/pin_models.hpp"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suffice::policy {
namespace {

const std::string kOld(64, 'a');
const std::string kNew(64, 'b');

TEST(PinModels, ChangesOnlyTheDigest) {
  struct Case {
    const char* name;
    std::string before;
    std::string after;
  };
  const Case cases[] = {
      {"a digest that stands there", "models:\n  m:\n    model: a.gguf\n    sha256: " + kOld + "  # keep me\n",
       "models:\n  m:\n    model: a.gguf\n    sha256: " + kNew + "  # keep me\n"},
      {"a quoted digest", "models: {m: {model: a.gguf, sha256: \"" + kOld + "\"}}\n",
       "models: {m: {model: a.gguf, sha256: \"" + kNew + "\"}}\n"},
      {"none yet", "models:\n  m:\n    provider: embedded\n    model: a.gguf   # why\n    threads: 1\n",
       "models:\n  m:\n    provider: embedded\n    model: a.gguf   # why\n    sha256: " + kNew + "\n    threads: 1\n"},
      {"none yet, in braces", "models:\n  m: {provider: embedded, model: a.gguf}\n",
       "models:\n  m: {provider: embedded, sha256: " + kNew + ", model: a.gguf}\n"},
      {"none yet, at the end of the file", "models:\n  m:\n    model: a.gguf",
       "models:\n  m:\n    model: a.gguf\n    sha256: " + kNew},
      {"windows line ends", "models:\r\n  m:\r\n    sha256: " + kOld + "\r\n    model: a\r\n",
       "models:\r\n  m:\r\n    sha256: " + kNew + "\r\n    model: a\r\n"},
  };
  for (const Case& c : cases) {
    const Result<std::string> pinned = with_pinned_models(c.before, {{"m", kNew}});
    ASSERT_TRUE(pinned) << c.name << ": " << pinned.error().message;
    EXPECT_EQ(*pinned, c.after) << c.name;
  }
}

TEST(PinModels, PinsSeveralAtOnce) {
  const std::string before =
      "models:\n  a: {model: x}\n  b:\n    model: y\n  c:\n    model: z\n    sha256: " + kOld + "\n";
  EXPECT_EQ(with_pinned_models(before, {{"a", kNew}, {"b", kNew}, {"c", kNew}}).value(),
            "models:\n  a: {sha256: " + kNew + ", model: x}\n  b:\n    model: y\n    sha256: " + kNew +
                "\n  c:\n    model: z\n    sha256: " + kNew + "\n");
}

TEST(PinModels, PinsAdaptersBesideTheirFiles) {
  struct Case {
    const char* name;
    std::string before;
    std::string after;
  };
  const std::string model = "models:\n  m:\n    model: a.gguf\n    adapters:";
  const Case cases[] = {
      {"a path in braces", model + " {x: lora/x.gguf, y: y.gguf}\n",
       model + " {x: {file: lora/x.gguf, sha256: " + kNew + "}, y: y.gguf}\n"},
      {"a quoted path on its line", model + "\n      x: \"lora/x.gguf\"  # why\n",
       model + "\n      x: {file: \"lora/x.gguf\", sha256: " + kNew + "}  # why\n"},
      {"a digest that stands there", model + " {x: {file: x.gguf, sha256: " + kOld + "}}\n",
       model + " {x: {file: x.gguf, sha256: " + kNew + "}}\n"},
      {"a file without one", model + "\n      x:\n        file: x.gguf\n",
       model + "\n      x:\n        file: x.gguf\n        sha256: " + kNew + "\n"},
  };
  for (const Case& c : cases) {
    const Result<std::string> pinned = with_pinned_models(c.before, {}, {{{"m", "x"}, kNew}});
    ASSERT_TRUE(pinned) << c.name << ": " << pinned.error().message;
    EXPECT_EQ(*pinned, c.after) << c.name;
  }
  EXPECT_EQ(with_pinned_models(cases[0].before, {}, {{{"m", "z"}, kNew}}).error().where, "models.m.adapters.z");
  EXPECT_FALSE(with_pinned_models(model + "\n      x: >-\n        x.gguf\n", {}, {{{"m", "x"}, kNew}}));
}

TEST(PinModels, RefusesWhatItCannotEditSafely) {
  const std::map<std::string, std::string> cases = {
      {"no YAML", "models: ["},
      {"no such model", "models:\n  other: {model: a}\n"},
      {"a value over several lines", "models:\n  m:\n    model: >-\n      a.gguf\n"},
      {"a mapping from elsewhere", "x: &x {model: a}\nmodels: {m: *x, n: *x}\n"}};
  for (const auto& [name, yaml] : cases) {
    const Result<std::string> pinned = with_pinned_models(yaml, {{"m", kNew}});
    ASSERT_FALSE(pinned) << name << ":\n" << *pinned;
    EXPECT_EQ(pinned.error().code, ErrorCode::PolicyInvalid) << name;
  }
}

}  // namespace
}  // namespace suffice::policy
