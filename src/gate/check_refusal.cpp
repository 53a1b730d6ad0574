// Refusals: the provider's own field, and texts that start as refusals do.

#include <algorithm>

#include <re2/re2.h>

#include "core/text.hpp"
#include "gate/checks.hpp"

namespace suffice::gate {
namespace {

// A refusal says so in its first sentence; what stands later is content.
constexpr std::size_t kOpeningChars = 400;

// Read on the folded opening with kTypographic apostrophes made plain. In words: an optional apology, then "I cannot" and a verb of
// answering; or a model speaking about what it is; or a flat "I must decline". "I cannot log in to the VPN" is a ticket, so the verb counts.
const RE2& opening() {
  static const RE2 kExpression(
      "(?:"
      "(?:(?:hello|hi|hmm|well|thank you for (?:your question|asking|sharing))[,.!]?\\s+)?"
      "(?:(?:unfortunately|sorry|i'?m (?:(?:so|very|really|truly) )?sorry|i am (?:(?:so|very|really|truly) )?sorry|"
      "i apologi[sz]e(?: for (?:the|any) (?:inconvenience|confusion))?|my apologies|i'?m afraid|i am afraid|i regret to say)"
      "[,.;:!]?\\s*(?:but|that|and|however)?,?\\s*)?"
      "(?:as an? (?:ai|artificial intelligence|(?:large )?language model)[a-z -]{0,40},?\\s*)?"
      "i(?:'m| am|'ll have to| will have to)?\\s*"
      "(?:can'?t|cannot|can not|could(?: not|n'?t)|won'?t|will not|would not|unable to|not able to|not allowed to|not permitted to|"
      "not comfortable|not going to|don'?t feel comfortable)\\s+"
      "(?:(?:directly|really|actually|currently|in good conscience|be able to|accurately|safely)\\s+)*"
      "(?:to\\s+)?(?:answer|answering|assist|assisting|classify|comply|complete|continue|create|creating|determine|disclose|discuss|do (?:that|this|so)|"
      "engage|extract|follow|fulfil|fulfill|generate|generating|give|help|helping|look (?:that|this) up|meet|offer|participate|perform|proceed|process|produce|"
      "provide|providing|respond|reveal|satisfy|share|sharing|summari[sz]e|support|tell|write|writing)\\b"
      "|(?:i'?m sorry,? but |unfortunately,? |sorry,? )?as an? (?:ai|artificial intelligence|(?:large )?language model)\\b"
      "|i(?: must| have to|'ll have to| respectfully)? (?:decline|refuse)\\b"
      "|(?:i'?m sorry,? but |unfortunately,? |sorry,? )?i (?:don'?t|do not) have (?:access|the ability|enough (?:information|context))\\b"
      "|(?:sorry,? |i'?m sorry,? (?:but )?)?(?:that|this|your) request (?:violates|goes against|is against|cannot be (?:completed|fulfilled|processed))\\b"
      ")");
  return kExpression;
}

// Refusals only when nothing else is said.
const RE2& whole_answer() {
  static const RE2 kExpression(
      "(?:(?:i'?m |i am )?(?:(?:so|very) )?sorry|i (?:don'?t|do not) know|i (?:can'?t|cannot|won'?t|will not)|no comment|"
      "i'?m not sure|i am not sure|(?:sorry,? )?no)[.!]?");
  return kExpression;
}

std::string plain_apostrophes(std::string text) {
  static const RE2 kTypographic("[\\x{2018}\\x{2019}\\x{02BC}`]");
  const auto plain = [](char c) { return static_cast<unsigned char>(c) < 0x80 && c != '`'; };
  if (std::ranges::all_of(text, plain)) return text;
  RE2::GlobalReplace(&text, kTypographic, "'");
  return text;
}

/// A label may sound like a refusal: "no" answers a question.
bool is_label(const policy::Task& task, std::string_view text) {
  const std::string folded = fold_case(trim(text));
  return std::ranges::any_of(task.labels, [&](const std::string& label) { return fold_case(label) == folded; });
}

}  // namespace

bool is_refusal(std::string_view text) {
  const std::string folded = plain_apostrophes(fold_case(first_code_points(trim(text), kOpeningChars)));
  const std::string_view start = trim(folded);
  const re2::StringPiece piece(start.data(), start.size());
  if (piece.size() < kOpeningChars && RE2::FullMatch(piece, whole_answer())) return true;
  return opening().Match(piece, 0, piece.size(), RE2::ANCHOR_START, nullptr, 0);
}

void check_refusal(const Judged& judged, Scorecard& card) {
  if (!judged.rules.task.validators.refusal) return;
  if (!judged.candidate.completion.refusal.empty()) {
    return card.fail("refusal", Reason::Refusal, "the provider marked the answer as a refusal");
  }
  if (is_refusal(judged.text) && !is_label(judged.rules.task, judged.text))
    return card.fail("refusal", Reason::Refusal, "the answer opens as a refusal does");
  card.pass("refusal");
}

}  // namespace suffice::gate
