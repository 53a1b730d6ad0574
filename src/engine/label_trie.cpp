#include "engine/label_trie.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace suffice::engine {
namespace {

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

LabelScoring::LabelScoring(const LabelTrie& trie, std::span<const float> root_logits, double mass_min)
    : trie_(trie), mass_min_(mass_min) {
  scores_.probability.assign(trie.label_count(), 0);
  scores_.step.assign(trie.size(), 1);
  scores_.outside_mass = outside_mass(trie, root_logits);
  if (trie.node(LabelTrie::kRoot).children.size() == 1) {
    descend(LabelTrie::kRoot, 1);
  } else {
    choose({LabelTrie::kRoot, 1}, root_logits);
  }
  next_wave();
}

void LabelScoring::visit(std::size_t path, std::span<const float> logits) {
  choose(wave_[path], logits);
  if (++visited_ == wave_.size()) next_wave();
}

void LabelScoring::next_wave() {
  wave_ = std::exchange(forks_, {});
  visited_ = 0;
  paths_.clear();
  for (const Fork& fork : wave_) paths_.push_back(trie_.path(fork.node));
  if (!wave_.empty()) return;
  const auto& probability = scores_.probability;
  scores_.best = static_cast<int>(std::max_element(probability.begin(), probability.end()) - probability.begin());
}

/// Spreads `mass` over everything below `index` as if each label were equally probable.
void LabelScoring::spread(int index, double mass) {
  const LabelTrie::Node& node = trie_.node(index);
  if (node.label >= 0) scores_.probability[static_cast<std::size_t>(node.label)] = mass;
  for (const int child : node.children) {
    const double share = static_cast<double>(trie_.node(child).labels_below) / node.labels_below;
    scores_.step[static_cast<std::size_t>(child)] = share;
    spread(child, mass * share);
  }
}

/// Walks on from `index` to the next fork or the label's end.
void LabelScoring::descend(int index, double mass) {
  while (trie_.node(index).children.size() == 1) index = trie_.node(index).children.front();
  const LabelTrie::Node& node = trie_.node(index);
  if (node.label >= 0) {
    scores_.probability[static_cast<std::size_t>(node.label)] = mass;
  } else if (mass < mass_min_) {
    scores_.unresolved += mass;
    spread(index, mass);
  } else {
    forks_.push_back({index, mass});
  }
}

void LabelScoring::choose(const Fork& fork, std::span<const float> logits) {
  const std::vector<int>& children = trie_.node(fork.node).children;
  const auto logit = [&](int child) {
    return static_cast<double>(logits[static_cast<std::size_t>(trie_.node(child).token)]);
  };
  double top = logit(children.front());
  for (const int child : children) top = std::max(top, logit(child));
  double sum = 0;
  for (const int child : children) sum += std::exp(logit(child) - top);
  for (const int child : children) {
    const double step = std::exp(logit(child) - top) / sum;
    scores_.step[static_cast<std::size_t>(child)] = step;
    descend(child, fork.mass * step);
  }
}

}  // namespace suffice::engine
