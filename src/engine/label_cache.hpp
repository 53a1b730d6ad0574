#pragma once
// Label lists in the model's tokens: a task sends the same list with every call, and it is worked out once.

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.hpp"
#include "engine/decoder.hpp"
#include "engine/label_trie.hpp"

namespace suffice::engine {

struct LabelList {
  std::vector<std::string> labels;
  std::vector<std::vector<Token>> tokens;
  std::size_t longest = 0;  ///< tokens
  LabelTrie trie;
};

/// The most recently used lists. Any thread.
class LabelCache {
 public:
  /// `language` must outlive this. Keeps `lists_max` lists with `labels_max` labels in all.
  explicit LabelCache(const Language& language, std::size_t lists_max = 64, std::size_t labels_max = 32'768)
      : language_(language), lists_max_(lists_max), labels_max_(labels_max) {}

  struct Found {
    std::shared_ptr<const LabelList> list;
    bool known = false;
  };
  /// InvalidArgument for no labels, too many or too long ones, and those that are the same to the model.
  Result<Found> get(const std::vector<std::string>& labels);

  static constexpr std::size_t kLabelsMax = 4'096;
  static constexpr std::size_t kLabelTokensMax = 64;

 private:
  struct Kept {
    std::string key;
    std::shared_ptr<const LabelList> list;
  };
  [[nodiscard]] Result<std::shared_ptr<const LabelList>> build(const std::vector<std::string>& labels) const;

  const Language& language_;
  std::size_t lists_max_;
  std::size_t labels_max_;
  std::mutex mutex_;      ///< guards all below
  std::list<Kept> kept_;  ///< most recently used first
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_key_;
  std::size_t labels_ = 0;
};

}  // namespace suffice::engine
