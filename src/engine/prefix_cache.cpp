#include "engine/prefix_cache.hpp"

#include <algorithm>
#include <utility>

namespace suffice::engine {
namespace {

std::size_t common(std::span<const Token> a, std::span<const Token> b) {
  const std::size_t shorter = std::min(a.size(), b.size());
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(shorter), b.begin()).first - a.begin());
}

}  // namespace

PrefixCache::PrefixCache(Sequence first, Sequence count, std::size_t cells_max) : cells_max_(cells_max) {
  for (Sequence i = count; i-- > 0;) free_.push_back(first + i);
}

std::optional<PrefixCache::Match> PrefixCache::find(const std::string& adapters, std::span<const Token> prompt) {
  if (prompt.empty()) return std::nullopt;
  Entry* best = nullptr;
  std::size_t tokens = kTokensMin - 1;
  for (Entry& entry : entries_) {
    if (entry.adapters != adapters) continue;
    const std::size_t shared = common(entry.tokens, prompt.first(prompt.size() - 1));
    if (shared <= tokens) continue;
    best = &entry;
    tokens = shared;
  }
  if (best == nullptr) return std::nullopt;
  best->used = ++clock_;
  return Match{best->sequence, tokens};
}

std::size_t PrefixCache::learn(const std::string& task, const std::string& adapters, std::span<const Token> prompt,
                               std::size_t before_last_text) {
  // A zero byte keeps "a" + "bc" and "ab" + "c" apart.
  LastPrompt& last = last_[task + '\0' + adapters];
  const std::size_t shared = last.used == 0 ? std::min(before_last_text, prompt.size()) : common(last.tokens, prompt);
  last.tokens.assign(prompt.begin(), prompt.end());
  last.used = ++clock_;
  if (last_.size() > kTasksMax) {
    last_.erase(std::ranges::min_element(last_, {}, [](const auto& item) { return item.second.used; }));
  }
  const std::size_t worth = prompt.empty() ? 0 : std::min(shared, prompt.size() - 1);
  if (worth < kTokensMin) return 0;
  for (const Entry& entry : entries_) {
    if (entry.adapters == adapters && common(entry.tokens, prompt) >= worth) return 0;
  }
  return worth;
}

std::optional<PrefixCache::Place> PrefixCache::keep(const std::string& adapters, std::span<const Token> prompt) {
  if (prompt.size() > cells_max_) return std::nullopt;
  Place place;
  // What this one begins with needs no entry of its own.
  for (std::size_t i = entries_.size(); i-- > 0;) {
    const Entry& entry = entries_[i];
    if (entry.adapters == adapters && common(entry.tokens, prompt) == entry.tokens.size())
      place.forget.push_back(remove(i));
  }
  while (!entries_.empty() && (free_.empty() || cells_ + prompt.size() > cells_max_))
    place.forget.push_back(remove(oldest()));
  if (free_.empty()) return std::nullopt;
  place.sequence = free_.back();
  free_.pop_back();
  cells_ += prompt.size();
  entries_.push_back(
      {.adapters = adapters, .tokens = {prompt.begin(), prompt.end()}, .sequence = place.sequence, .used = ++clock_});
  return place;
}

std::optional<Sequence> PrefixCache::give_up() {
  if (entries_.empty()) return std::nullopt;
  return remove(oldest());
}

void PrefixCache::clear() {
  while (!entries_.empty()) remove(entries_.size() - 1);
}

std::size_t PrefixCache::oldest() const {
  return static_cast<std::size_t>(std::ranges::min_element(entries_, {}, &Entry::used) - entries_.begin());
}

Sequence PrefixCache::remove(std::size_t index) {
  const Sequence sequence = entries_[index].sequence;
  cells_ -= entries_[index].tokens.size();
  free_.push_back(sequence);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(index));
  return sequence;
}

}  // namespace suffice::engine
