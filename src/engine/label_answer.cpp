#include "engine/label_answer.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace suffice::engine {
namespace {

std::vector<TokenLogprob> label_logprobs(const Language& language, const LabelTrie& trie, const LabelScores& scores) {
  std::vector<TokenLogprob> out;
  int at = LabelTrie::kRoot;
  for (std::size_t i = 1; i < trie.size(); ++i) {
    if (trie.node(static_cast<int>(i)).label == scores.best) at = static_cast<int>(i);
  }
  for (; at != LabelTrie::kRoot; at = trie.node(at).parent) {
    const double step = scores.step[static_cast<std::size_t>(at)];
    if (trie.node(at).label >= 0 && step == 1) continue;  // a certain end
    TokenLogprob& entry = out.emplace_back();
    entry.token = language.piece(trie.node(at).token);
    entry.logprob = std::log(step);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

LabelDistribution distribution_of(const std::vector<std::string>& labels, const LabelScores& scores) {
  std::vector<std::size_t> order(labels.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return scores.probability[a] != scores.probability[b] ? scores.probability[a] > scores.probability[b] : a < b;
  });
  LabelDistribution distribution;
  distribution.entries.reserve(order.size());
  for (const std::size_t i : order) distribution.entries.push_back({labels[i], scores.probability[i]});
  distribution.outside_mass = scores.outside_mass;
  distribution.method = LabelDistribution::Method::TrieRenormalised;
  return distribution;
}

}  // namespace

wire::EngineDone with_labels(const Language& language, const LabelList& list, const LabelScores& scores,
                             const wire::EngineCall& call, wire::EngineDone done) {
  const auto best = static_cast<std::size_t>(scores.best);
  done.text = list.labels[best];
  done.finish = FinishReason::Stop;
  done.usage.output_tokens = static_cast<std::int64_t>(list.tokens[best].size());
  done.labels = distribution_of(list.labels, scores);
  done.labels_unresolved = scores.unresolved;
  if (call.want_logprobs) done.logprobs = label_logprobs(language, list.trie, scores);
  return done;
}

}  // namespace suffice::engine
