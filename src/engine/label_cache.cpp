#include "engine/label_cache.hpp"

#include <algorithm>
#include <utility>

namespace suffice::engine {
namespace {

/// The labels with their lengths, so that no two lists have the same key.
std::string key_of(const std::vector<std::string>& labels) {
  std::size_t bytes = 0;
  for (const std::string& label : labels) bytes += label.size() + sizeof(std::uint32_t);
  std::string key;
  key.reserve(bytes);
  for (const std::string& label : labels) {
    const auto size = static_cast<std::uint32_t>(label.size());
    for (int shift = 0; shift < 32; shift += 8) key.push_back(static_cast<char>((size >> shift) & 0xffU));
    key += label;
  }
  return key;
}

}  // namespace

Result<LabelCache::Found> LabelCache::get(const std::vector<std::string>& labels) {
  if (labels.size() > kLabelsMax) return fail(ErrorCode::InvalidArgument, "at most 4,096 labels", "labels");
  std::string key = key_of(labels);
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
      kept_.splice(kept_.begin(), kept_, known->second);
      return Found{known->second->list, true};
    }
  }
  // Outside the lock: thousands of labels take milliseconds. Two threads may do it at once; the second finds a key in use.
  SUFFICE_TRY(std::shared_ptr<const LabelList> list, build(labels));
  const std::lock_guard lock(mutex_);
  if (by_key_.contains(key)) return Found{std::move(list), false};
  kept_.push_front({std::move(key), list});
  by_key_.emplace(kept_.front().key, kept_.begin());
  labels_ += list->labels.size();
  while (kept_.size() > 1 && (kept_.size() > lists_max_ || labels_ > labels_max_)) {
    labels_ -= kept_.back().list->labels.size();
    by_key_.erase(kept_.back().key);
    kept_.pop_back();
  }
  return Found{std::move(list), false};
}

Result<std::shared_ptr<const LabelList>> LabelCache::build(const std::vector<std::string>& labels) const {
  auto list = std::make_shared<LabelList>();
  list->labels = labels;
  for (const std::string& label : labels) {
    list->tokens.push_back(language_.tokens(label));
    list->longest = std::max(list->longest, list->tokens.back().size());
  }
  if (list->longest > kLabelTokensMax) {
    return fail(ErrorCode::InvalidArgument, "a label has more than " + std::to_string(kLabelTokensMax) + " tokens",
                "labels");
  }
  SUFFICE_TRY(list->trie, LabelTrie::build(list->tokens, language_.end_token()));
  return std::shared_ptr<const LabelList>(std::move(list));
}

}  // namespace suffice::engine
