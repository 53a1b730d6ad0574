#pragma once
// Which beginnings of prompts are kept in memory for the calls to come. Policy only: who copies and forgets is the batcher.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/decoder.hpp"

namespace suffice::engine {

/// Beginnings kept as sequences of their own, the least recently used one given up first. One thread.
///
/// What calls of a task have in common is found by comparing each prompt with the one before it; the first call of a task
/// keeps what comes before its last message. So system text, schema and examples are read once however the gateway builds
/// its prompts, and nothing has to be declared.
class PrefixCache {
 public:
  /// Sequences `first` to `first + count - 1` belong to the cache; it keeps `cells_max` tokens at most.
  PrefixCache(Sequence first, Sequence count, std::size_t cells_max);

  struct Match {
    Sequence sequence = -1;
    std::size_t tokens = 0;
  };
  /// The longest kept beginning of `prompt` under `adapters` (AdapterSet::key), whatever the task; never the whole prompt,
  /// whose last token has to be read for its logits. Nothing when there is none.
  std::optional<Match> find(const std::string& adapters, std::span<const Token> prompt);

  /// How much of this prompt is worth keeping (0: nothing new), and remembers it as the task's last one.
  std::size_t learn(const std::string& task, const std::string& adapters, std::span<const Token> prompt,
                    std::size_t before_last_text);

  /// What to do so that `prompt` (a beginning) can be kept in `sequence`.
  struct Place {
    Sequence sequence = -1;
    std::vector<Sequence> forget;  ///< given up for it; `sequence` may be among them
  };
  /// Nothing when it is longer than the cache. The entry exists from here on.
  std::optional<Place> keep(const std::string& adapters, std::span<const Token> prompt);

  /// Gives up the least recently used entry; nothing when there is none.
  std::optional<Sequence> give_up();
  /// The memory was cleared.
  void clear();

  /// Tokens of all entries.
  [[nodiscard]] std::size_t cells() const { return cells_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  /// Shorter beginnings cost more to copy than to read.
  static constexpr std::size_t kTokensMin = 4;
  /// Tasks whose last prompt is remembered.
  static constexpr std::size_t kTasksMax = 256;

 private:
  struct Entry {
    std::string adapters;
    std::vector<Token> tokens;
    Sequence sequence = -1;
    std::uint64_t used = 0;
  };
  struct LastPrompt {
    std::vector<Token> tokens;
    std::uint64_t used = 0;
  };
  Sequence remove(std::size_t index);
  [[nodiscard]] std::size_t oldest() const;

  std::size_t cells_max_;
  std::size_t cells_ = 0;
  std::uint64_t clock_ = 0;
  std::vector<Sequence> free_;
  std::vector<Entry> entries_;
  std::map<std::string, LastPrompt> last_;  ///< by task and adapters
};

}  // namespace suffice::engine
