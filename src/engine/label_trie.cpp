#include "engine/label_trie.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace suffice::engine {
namespace {

/// A node whose children the model must choose between, and the probability of getting there.
struct Fork {
  int node = 0;
  double mass = 1;
};

struct Scoring {
  const LabelTrie& trie;
  double mass_min;
  LabelScores scores;
  std::vector<Fork> forks;  ///< still to be evaluated

  /// Spreads `mass` over everything below `index` as if each label were equally probable.
  void spread(int index, double mass) {
    const LabelTrie::Node& node = trie.node(index);
    if (node.label >= 0) scores.probability[static_cast<std::size_t>(node.label)] = mass;
    for (const int child : node.children) {
      const double share = static_cast<double>(trie.node(child).labels_below) / node.labels_below;
      scores.step[static_cast<std::size_t>(child)] = share;
      spread(child, mass * share);
    }
  }

  /// Walks on from `index` to the next fork or the label's end.
  void descend(int index, double mass) {
    while (trie.node(index).children.size() == 1) index = trie.node(index).children.front();
    const LabelTrie::Node& node = trie.node(index);
    if (node.label >= 0) {
      scores.probability[static_cast<std::size_t>(node.label)] = mass;
    } else if (mass < mass_min) {
      scores.unresolved += mass;
      spread(index, mass);
    } else {
      forks.push_back({index, mass});
    }
  }

  void choose(const Fork& fork, std::span<const float> logits) {
    const std::vector<int>& children = trie.node(fork.node).children;
    const auto logit = [&](int child) {
      return static_cast<double>(logits[static_cast<std::size_t>(trie.node(child).token)]);
    };
    double top = logit(children.front());
    for (const int child : children) top = std::max(top, logit(child));
    double sum = 0;
    for (const int child : children) sum += std::exp(logit(child) - top);
    for (const int child : children) {
      const double step = std::exp(logit(child) - top) / sum;
      scores.step[static_cast<std::size_t>(child)] = step;
      descend(child, fork.mass * step);
    }
  }
};

double outside_mass(const LabelTrie& trie, std::span<const float> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double all = 0;
  for (const float logit : logits) all += std::exp(logit - top);
  double inside = 0;
  for (const int child : trie.node(LabelTrie::kRoot).children) {
    inside += std::exp(logits[static_cast<std::size_t>(trie.node(child).token)] - top);
  }
  return std::clamp(1 - inside / all, 0.0, 1.0);
}

}  // namespace

Result<LabelTrie> LabelTrie::build(const std::vector<std::vector<Token>>& labels, Token end) {
  if (labels.empty()) return fail(ErrorCode::InvalidArgument, "a label task needs at least one label");
  LabelTrie trie;
  trie.nodes_.emplace_back();
  trie.label_count_ = labels.size();
  const auto step_down = [&trie](int from, Token token) {
    for (const int child : trie.node(from).children) {
      if (trie.node(child).token == token) return child;
    }
    const int added = static_cast<int>(trie.nodes_.size());
    trie.nodes_.push_back({.token = token, .parent = from});
    trie.nodes_[static_cast<std::size_t>(from)].children.push_back(added);
    return added;
  };
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].empty()) return fail(ErrorCode::InvalidArgument, "label " + std::to_string(i) + " is empty");
    int at = kRoot;
    for (const Token token : labels[i]) at = step_down(at, token);
    at = step_down(at, end);
    if (trie.node(at).label >= 0) {
      return fail(ErrorCode::InvalidArgument, "labels " + std::to_string(trie.node(at).label) + " and " +
                                                  std::to_string(i) + " are the same to the model");
    }
    trie.nodes_[static_cast<std::size_t>(at)].label = static_cast<int>(i);
    for (; at >= 0; at = trie.node(at).parent) ++trie.nodes_[static_cast<std::size_t>(at)].labels_below;
  }
  return trie;
}

std::vector<Token> LabelTrie::path(int index) const {
  std::vector<Token> tokens;
  for (; index != kRoot; index = node(index).parent) tokens.push_back(node(index).token);
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

Result<LabelScores> score_labels(const LabelTrie& trie, std::span<const float> root_logits,
                                 const EvaluatePaths& evaluate, double mass_min) {
  Scoring scoring{.trie = trie, .mass_min = mass_min, .scores = {}, .forks = {}};
  scoring.scores.probability.assign(trie.label_count(), 0);
  scoring.scores.step.assign(trie.size(), 1);
  scoring.scores.outside_mass = outside_mass(trie, root_logits);
  if (trie.node(LabelTrie::kRoot).children.size() == 1) {
    scoring.descend(LabelTrie::kRoot, 1);
  } else {
    scoring.choose({LabelTrie::kRoot, 1}, root_logits);
  }

  while (!scoring.forks.empty()) {
    const std::vector<Fork> forks = std::exchange(scoring.forks, {});
    std::vector<std::vector<Token>> paths;
    paths.reserve(forks.size());
    for (const Fork& fork : forks) paths.push_back(trie.path(fork.node));
    SUFFICE_TRY_VOID(evaluate(
        paths, [&](std::size_t index, std::span<const float> logits) { scoring.choose(forks[index], logits); }));
  }

  const auto& probability = scoring.scores.probability;
  scoring.scores.best =
      static_cast<int>(std::max_element(probability.begin(), probability.end()) - probability.begin());
  return std::move(scoring.scores);
}

}  // namespace suffice::engine
