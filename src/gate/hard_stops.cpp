#include "gate/hard_stops.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <re2/re2.h>
#include <re2/set.h>
#include <utf8proc.h>

#include "core/text.hpp"
#include "gate/match_text.hpp"

namespace suffice::gate {
namespace {

// Per automaton. RE2 drops and rebuilds cached states when a text needs more; only a rule set that cannot scan at all in this
// much memory takes the slower path of HardStops::Impl::scan.
constexpr std::int64_t kAutomatonBytesMax = 16L * 1024 * 1024;

// Between the words of a phrase: what Unicode calls a space, in any number.
constexpr std::string_view kSpaces = R"([\s\x0b\x{85}\pZ]+)";

// What an excepted expression is replaced with: neither a letter nor white space, so that what surrounds it does not grow together.
constexpr char kBlank = '\x01';

// Blanking is one search per hit; a text with more hits keeps the rest, which can only stop more.
constexpr int kBlanksMax = 256;

RE2::Options options() {
  RE2::Options options;
  options.set_case_sensitive(false);
  options.set_log_errors(false);
  options.set_max_mem(kAutomatonBytesMax);
  options.set_never_capture(true);
  return options;
}

/// `words` as an expression: its white space runs match any run.
std::string literal_expression(std::string_view words) {
  const std::string folded = match_text(words);
  std::string expression;
  std::string_view rest = trim(folded);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(" \t\n\v\f\r"), rest.size());
    if (!expression.empty()) expression += kSpaces;
    expression += RE2::QuoteMeta(std::string(rest.substr(0, end)));
    rest = trim(rest.substr(end));
  }
  return expression;
}

enum class Bounds : std::uint8_t { Any, WholeWord };

struct Rule {
  std::size_t group = 0;
  std::string text;  ///< as the policy writes it
  std::unique_ptr<RE2> expression;
  Bounds bounds = Bounds::Any;
};

struct Group {
  std::string name;
  Reason reason = Reason::HardStopNovel;
  bool check_input = true;
  bool check_output = true;
  std::unique_ptr<RE2> except;                       ///< null when the group excepts nothing
  std::shared_ptr<const StopClassifier> classifier;  ///< null when the group has none
};

bool is_word_character(utf8proc_int32_t code_point) {
  const utf8proc_category_t category = utf8proc_category(code_point);
  const bool letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
  const bool number = category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
  return letter || number || code_point == '_';
}

/// The code point that starts at the first byte of `text`, -1 at its end.
utf8proc_int32_t first_code_point(std::string_view text) {
  utf8proc_int32_t code_point = -1;
  utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &code_point);
  return code_point;
}

/// Whether no letter, digit or underscore touches text[begin, end). RE2 has this only for ASCII; as an expression of Unicode classes it
/// would be a thousand instructions a word.
bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  const auto touches = [](utf8proc_int32_t code_point) { return code_point >= 0 && is_word_character(code_point); };
  return !touches(first_code_point(last_code_points(text.substr(0, begin), 1))) &&
         !touches(first_code_point(text.substr(end)));
}

Result<std::unique_ptr<RE2>> compile_one(const std::string& expression, const policy::HardStopGroup& group,
                                         std::string_view field, std::string_view written) {
  auto compiled = std::make_unique<RE2>(expression, options());
  if (compiled->ok()) return compiled;
  return fail(ErrorCode::PolicyInvalid,
              fmt::format("hard stop '{}': {} '{}' is not an RE2 expression: {}", group.name, field, written,
                          compiled->error()),
              fmt::format("hard_stops.{}.{}", group.name, field));
}

Result<std::unique_ptr<RE2>> compile_except(const policy::HardStopGroup& group) {
  std::string joined;
  for (const std::string& written : group.except) {
    SUFFICE_TRY(const auto alone, compile_one(written, group, "except", written));
    joined += fmt::format("{}(?:{})", joined.empty() ? "" : "|", written);
  }
  return compile_one(joined, group, "except", joined);
}

}  // namespace

struct HardStops::Impl {
  std::vector<Group> groups;
  std::vector<Rule> rules;
  std::unique_ptr<RE2::Set> set;

  Result<void> add(const policy::HardStopGroup& group, ClassifierCache& classifiers);
  Result<void> add_rule(const policy::HardStopGroup& group, std::string_view field, const std::string& written,
                        const std::string& expression, Bounds bounds = Bounds::Any);
  Result<void> finish();
  [[nodiscard]] std::vector<int> scan(const std::string& text) const;
  [[nodiscard]] bool fires(int index, const std::string& text) const;
  [[nodiscard]] bool anything_matches(const std::string& text) const;
  [[nodiscard]] std::string blanked(const std::string& text, const Group& group) const;
  [[nodiscard]] std::optional<std::string> rule_that_fires(std::size_t group, const std::string& text,
                                                           const std::vector<int>& found) const;
};

Result<void> HardStops::Impl::add_rule(const policy::HardStopGroup& group, std::string_view field,
                                       const std::string& written, const std::string& expression, Bounds bounds) {
  SUFFICE_TRY(auto compiled, compile_one(expression, group, field, written));
  if (expression.empty() || RE2::PartialMatch("", *compiled)) {
    return fail(ErrorCode::PolicyInvalid,
                fmt::format("hard stop '{}': {} '{}' matches the empty text, so it would stop everything", group.name,
                            field, written),
                fmt::format("hard_stops.{}.{}", group.name, field));
  }
  rules.push_back(
      Rule{.group = groups.size() - 1, .text = written, .expression = std::move(compiled), .bounds = bounds});
  return {};
}

Result<void> HardStops::Impl::add(const policy::HardStopGroup& group, ClassifierCache& classifiers) {
  groups.push_back(Group{.name = group.name,
                         .reason = group.reason,
                         .check_input = group.check_input,
                         .check_output = group.check_output,
                         .except = nullptr,
                         .classifier = nullptr});
  if (group.classifier) {
    SUFFICE_TRY(groups.back().classifier, StopClassifier::load(group, classifiers));
  }
  if (!group.except.empty()) {
    SUFFICE_TRY(groups.back().except, compile_except(group));
  }
  for (const std::string& word : group.words) {
    SUFFICE_TRY_VOID(add_rule(group, "words", word, literal_expression(word), Bounds::WholeWord));
  }
  for (const std::string& phrase : group.phrases) {
    SUFFICE_TRY_VOID(add_rule(group, "phrases", phrase, literal_expression(phrase)));
  }
  for (const std::string& pattern : group.patterns) SUFFICE_TRY_VOID(add_rule(group, "patterns", pattern, pattern));
  return {};
}

Result<void> HardStops::Impl::finish() {
  if (rules.empty()) return {};
  set = std::make_unique<RE2::Set>(options(), RE2::UNANCHORED);
  for (const Rule& rule : rules) {
    std::string error;
    if (set->Add(rule.expression->pattern(), &error) < 0) {
      return fail(ErrorCode::PolicyInvalid,
                  fmt::format("hard stop '{}': '{}': {}", groups[rule.group].name, rule.text, error));
    }
  }
  if (!set->Compile())
    return fail(ErrorCode::PolicyInvalid,
                "the hard stops do not fit into one automaton; use fewer or simpler patterns");
  return {};
}

/// Indices of the rules that may match, in their order; fires() says which do.
std::vector<int> HardStops::Impl::scan(const std::string& text) const {
  std::vector<int> found;
  RE2::Set::ErrorInfo error{};
  if (!set->Match(text, &found, &error) && error.kind != RE2::Set::kNoError) {
    // Out of automaton memory: each rule is asked alone, where RE2 falls back to its bounded simulation, still linear in the text.
    found.resize(rules.size());
    std::iota(found.begin(), found.end(), 0);
  }
  std::ranges::sort(found);
  return found;
}

/// The set finds words without their boundaries; this looks again.
bool HardStops::Impl::fires(int index, const std::string& text) const {
  const Rule& rule = rules[static_cast<std::size_t>(index)];
  if (rule.bounds == Bounds::Any) return RE2::PartialMatch(text, *rule.expression);
  re2::StringPiece hit;
  std::size_t from = 0;
  while (rule.expression->Match(text, from, text.size(), RE2::UNANCHORED, &hit, 1)) {
    const auto begin = static_cast<std::size_t>(hit.data() - text.data());
    if (stands_alone(text, begin, begin + hit.size())) return true;
    from = begin + 1;
  }
  return false;
}

bool HardStops::Impl::anything_matches(const std::string& text) const {
  RE2::Set::ErrorInfo error{};
  return set->Match(text, nullptr, &error) || error.kind != RE2::Set::kNoError;
}

std::string HardStops::Impl::blanked(const std::string& text, const Group& group) const {
  std::string out;
  out.reserve(text.size());
  std::size_t kept = 0;
  std::size_t from = 0;
  re2::StringPiece hit;
  for (int blanks = 0; blanks < kBlanksMax && from <= text.size(); ++blanks) {
    if (!group.except->Match(text, from, text.size(), RE2::UNANCHORED, &hit, 1)) break;
    const auto begin = static_cast<std::size_t>(hit.data() - text.data());
    out.append(text, kept, begin - kept);
    if (!hit.empty()) out.push_back(kBlank);
    kept = begin + hit.size();
    from = hit.empty() ? kept + 1 : kept;
  }
  out.append(text, kept);
  return out;
}

/// What the policy wrote that fires in group `index`, of the rules `found` by scan(); else what its classifier says.
std::optional<std::string> HardStops::Impl::rule_that_fires(std::size_t index, const std::string& text,
                                                            const std::vector<int>& found) const {
  const Group& group = groups[index];
  const auto of_group = [&](int rule) { return rules[static_cast<std::size_t>(rule)].group == index; };
  auto rule = std::ranges::find_if(found, [&](int at) { return of_group(at) && fires(at, text); });
  // Blanking can only take matches away, so it waits for a first one.
  if (rule != found.end() && group.except) {
    const std::string rest = blanked(text, group);
    rule = std::find_if(rule, found.end(), [&](int at) { return of_group(at) && fires(at, rest); });
  }
  if (rule != found.end()) return rules[static_cast<std::size_t>(*rule)].text;
  return group.classifier ? group.classifier->match(text) : std::nullopt;
}

HardStops::HardStops() = default;
HardStops::~HardStops() = default;

Result<std::shared_ptr<const HardStops>> HardStops::compile(const std::vector<policy::HardStopGroup>& groups) {
  ClassifierCache classifiers;
  return compile(groups, classifiers);
}

Result<std::shared_ptr<const HardStops>> HardStops::compile(const std::vector<policy::HardStopGroup>& groups,
                                                            ClassifierCache& classifiers) {
  auto impl = std::make_unique<Impl>();
  for (const policy::HardStopGroup& group : groups) SUFFICE_TRY_VOID(impl->add(group, classifiers));
  SUFFICE_TRY_VOID(impl->finish());
  std::shared_ptr<HardStops> stops(new HardStops);
  stops->impl_ = std::move(impl);
  return stops;
}

std::vector<HardStops::Match> HardStops::match(std::string_view text, Side side) const {
  std::vector<Match> matches;
  if (impl_->groups.empty()) return matches;
  const std::string folded = match_text(text);
  std::vector<int> found;
  if (impl_->set && impl_->anything_matches(folded)) found = impl_->scan(folded);
  for (std::size_t g = 0; g < impl_->groups.size(); ++g) {
    const Group& group = impl_->groups[g];
    if (!(side == Side::Input ? group.check_input : group.check_output)) continue;
    std::optional<std::string> rule = impl_->rule_that_fires(g, folded, found);
    if (rule) matches.push_back(Match{.group = group.name, .reason = group.reason, .rule = *std::move(rule)});
  }
  return matches;
}

}  // namespace suffice::gate
