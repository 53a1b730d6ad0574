#pragma once
// SpanSelector: which turns, lines or sentences of a document are about a question. A small specialist that reads words, in milliseconds.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "workflow/documents/document.hpp"
#include "workflow/documents/text_range.hpp"

namespace suffice::workflow::minions {

/// BM25 over sliding windows of units, its words weighed by how much of the question they carry.
///
/// "What did the group discuss about the remote control?" asks about two words; the others are how people ask. Which those are is fitted: a
/// word that is in many training questions counts little, weight = ln((N + 1) / (questions with it + 0.5)) / ln((N + 1) / 0.5), and 1
/// where it was in none (so without training every word counts fully). A unit's score is the mean over windows of `radii` units to
/// either side of the window's BM25 (documents/bm25.hpp's k1, b and idf; the idf of windows of radii[0]), each divided by its highest
/// in the document: a question is answered over many turns, few of which repeat its words. models/suffice-spans/MODEL_CARD.md has the
/// figures. Immutable; any thread.
class SpanSelector {
 public:
  /// Untrained: every word counts alike.
  SpanSelector() = default;
  /// The JSON that tools/training/train_spans writes: {"format": "suffice-spans/1", "questions": N, "radii": [...], "words": {stem: count}}.
  /// ModelInvalid when it is not one.
  static Result<SpanSelector> from_json(std::string_view text);
  static Result<SpanSelector> load(const std::filesystem::path& file);

  /// One score in [0, 1] for each of `units` of `text`; all 0 when they share no word with `question`. O(bytes of the text).
  [[nodiscard]] std::vector<double> scores(std::string_view text, std::span<const TextRange> units,
                                           std::string_view question) const;
  /// How much `stem` counts in a question, in (0, 1].
  [[nodiscard]] double weight(const std::string& stem) const;
  [[nodiscard]] std::int64_t questions() const { return questions_; }
  /// SHA-256 of the file, hex; empty when untrained.
  [[nodiscard]] const std::string& digest() const { return digest_; }

 private:
  std::string digest_;
  std::int64_t questions_ = 0;
  std::vector<std::size_t> radii_ = {5, 10, 20};
  std::map<std::string, std::int64_t, std::less<>> words_;
};

/// A word without a common English ending ("meetings", "meeting" -> "meet"), at least three letters left; other words as they are. The
/// same in tools/training/train_spans; stored in models, never changed.
[[nodiscard]] std::string stem_of(std::string_view word);

/// What of a document is scored: turns of a transcript, lines of a log or of code, else sentences.
[[nodiscard]] std::vector<TextRange> units_of(const Document& document);

}  // namespace suffice::workflow::minions
