// Money, usage, messages, deadlines, identifiers and digests.

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "core/chat.hpp"
#include "core/clock.hpp"
#include "core/hash.hpp"
#include "core/ids.hpp"
#include "core/random.hpp"
#include "core/units.hpp"
#include "core/usage.hpp"

namespace suffice {
namespace {

using std::chrono::milliseconds;

TEST(Usd, AddsExactlyWhereDoublesWouldDrift) {
  Usd sum;
  for (int i = 0; i < 10'000'000; ++i) sum += Usd{1};
  EXPECT_EQ(sum, Usd::from_dollars(0.01));
}

TEST(Probability, TreatsNotANumberAsNothing) {
  EXPECT_EQ(Probability::clamp(std::numeric_limits<double>::quiet_NaN()).value, 0.0);
  EXPECT_EQ(Probability::clamp(1.7).value, 1.0);
  EXPECT_EQ(Probability::clamp(-0.1).value, 0.0);
}

TEST(CostOf, ChargesCachedInputAtItsOwnPrice) {
  const Price price{.input_per_million = 2.5, .cached_per_million = 1.25, .output_per_million = 10};
  const Usage usage{.input_tokens = 1'000, .cached_input_tokens = 400, .output_tokens = 100};

  // 600 * 2.5 + 400 * 1.25 + 100 * 10 = 3000 dollars per million calls
  EXPECT_EQ(cost_of(price, usage, 0), Usd::from_dollars(0.003));
}

TEST(CostOf, ChargesHardwareByTheSecond) {
  EXPECT_EQ(cost_of(Price{.hardware_per_hour = 3.6}, Usage{}, 2.0), Usd::from_dollars(0.002));
}

TEST(WorstCaseUsage, NeverUnderestimatesAByteLevelTokenizer) {
  EXPECT_EQ(worst_case_usage(500, 64).input_tokens, 500);
  EXPECT_EQ(worst_case_usage(500, 64).output_tokens, 64);
}

TEST(Message, JoinsItsTextPartsAndSkipsTheOthers) {
  Message message = Message::of(Role::User, "first");
  message.content.push_back({.kind = ContentPart::Kind::Image, .text = {}, .raw = {.text = "{}"}});
  message.content.push_back({.kind = ContentPart::Kind::Text, .text = "second", .raw = {}});

  EXPECT_EQ(message.text(), "first\nsecond");
}

TEST(LabelDistribution, MeasuresMarginAndEntropy) {
  LabelDistribution labels;
  labels.entries = {{"a", 0.5}, {"b", 0.5}};
  EXPECT_DOUBLE_EQ(labels.margin(), 0.0);
  EXPECT_DOUBLE_EQ(labels.entropy(), std::log(2.0));

  labels.entries = {{"a", 1.0}, {"b", 0.0}};
  EXPECT_DOUBLE_EQ(labels.margin(), 1.0);
  EXPECT_DOUBLE_EQ(labels.entropy(), 0.0);
}

TEST(Deadline, IsOnlyEverShortened) {
  const SteadyTime now{milliseconds{1'000}};
  const Deadline deadline = Deadline::at(now + milliseconds{100});

  EXPECT_EQ(deadline.shortened_to(milliseconds{50}, now).when(), now + milliseconds{50});
  EXPECT_EQ(deadline.shortened_to(milliseconds{500}, now).when(), now + milliseconds{100});
  EXPECT_EQ(deadline.remaining(now + milliseconds{300}), milliseconds{0});
  EXPECT_TRUE(deadline.expired(now + milliseconds{100}));
  EXPECT_FALSE(Deadline::never().expired(now));
}

TEST(SeededRandom, RepeatsTheReferenceSequence) {
  // First outputs of SplitMix64 for seed 1234567, from the authors' reference program.
  SeededRandom random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317ULL);
  EXPECT_EQ(random.next(), 3203168211198807973ULL);
  EXPECT_EQ(random.next(), 9817491932198370423ULL);
}

TEST(Uuid7, SortsByTimeAndCarriesVersionAndVariant) {
  class Fixed final : public Clock {
   public:
    explicit Fixed(int ms) : ms_(ms) {}
    [[nodiscard]] SteadyTime steady_now() const override { return {}; }
    [[nodiscard]] WallTime wall_now() const override { return WallTime{milliseconds{ms_}}; }

   private:
    int ms_;
  };
  SeededRandom random(7);

  const std::string earlier = new_uuid7(Fixed(0x0123), random);
  const std::string later = new_uuid7(Fixed(0x0124), random);

  EXPECT_EQ(earlier.size(), 36U);
  EXPECT_EQ(earlier.substr(0, 13), "00000000-0123");
  EXPECT_EQ(earlier[14], '7');
  EXPECT_NE(std::string("89ab").find(earlier[19]), std::string::npos);
  EXPECT_LT(earlier, later);
}

TEST(SystemRandom, DoesNotRepeatItself) {
  SystemRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(random.next());
  EXPECT_EQ(seen.size(), 1'000U);
}

TEST(Sha256Stream, GivesTheDigestOfAllPieces) {
  Sha256Stream stream;
  stream.update("a");
  stream.update("");
  stream.update("bc");
  EXPECT_EQ(stream.finish(), sha256("abc"));
  EXPECT_EQ(stream.finish(), sha256("")) << "it begins anew";
}

TEST(Sha256, GivesThePublishedDigests) {
  // FIPS 180-4 example and the empty message.
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace suffice
