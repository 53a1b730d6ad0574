#pragma once
// Which of a set of labels does the model mean, and how sure is it? Labels as a trie of tokens, and their probabilities.

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.hpp"

namespace suffice::engine {

using Token = std::int32_t;

/// The labels' tokens, each followed by the end token, as one tree. Labels that share a beginning share its nodes.
class LabelTrie {
 public:
  struct Node {
    Token token = -1;
    int parent = -1;
    int label = -1;        ///< index of the label that ends here, -1 within one
    int labels_below = 0;  ///< labels that end at this node or under it
    std::vector<int> children{};
  };

  /// InvalidArgument for no label, an empty one, or two with the same tokens.
  static Result<LabelTrie> build(const std::vector<std::vector<Token>>& labels, Token end);

  [[nodiscard]] const Node& node(int index) const { return nodes_[static_cast<std::size_t>(index)]; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] std::size_t label_count() const { return label_count_; }
  /// Tokens from below the root down to `index`.
  [[nodiscard]] std::vector<Token> path(int index) const;
  static constexpr int kRoot = 0;

 private:
  std::vector<Node> nodes_;
  std::size_t label_count_ = 0;
};

struct LabelScores {
  std::vector<double> probability;  ///< by label index; sums to 1
  std::vector<double> step;         ///< by node: probability among its siblings; 1 where there is no choice
  double outside_mass = 0;          ///< of the whole vocabulary at the first step, beside the labels' first tokens
  double unresolved = 0;            ///< mass of branches below `mass_min`, spread evenly over their labels
  int best = 0;                     ///< label index; the earlier one of equals
};

/// Branches less probable than this are not evaluated: their mass is exact, how it divides among their labels is not. Labels
/// above it, and so any that could be accepted, keep their exact probability. A path costs about 0.15 ms with 2 M parameters,
/// and 150 intents have a dozen branches between 1e-4 and this.
inline constexpr double kLabelMassMin = 5e-3;

/// P(label) = the product over its tokens of softmax over the allowed tokens only, so that a long label is not punished
/// for its length (summed log-probabilities are). Tokens without an alternative need no evaluation. Exact but for
/// `unresolved`; mass_min 0 makes it exact.
///
/// Asks for logits in waves: while paths() is not empty, visit() each of them once, in any order. One thread.
class LabelScoring {
 public:
  /// `trie` must outlive this. `root_logits` are those after the prompt.
  LabelScoring(const LabelTrie& trie, std::span<const float> root_logits, double mass_min = kLabelMassMin);

  /// Tokens after the prompt whose next-token logits are wanted. Changes when the last of them has been visited.
  [[nodiscard]] const std::vector<std::vector<Token>>& paths() const { return paths_; }
  void visit(std::size_t path, std::span<const float> logits);
  /// Complete once paths() is empty.
  [[nodiscard]] const LabelScores& scores() const { return scores_; }

 private:
  /// A node whose children the model must choose between, and the probability of getting there.
  struct Fork {
    int node = 0;
    double mass = 1;
  };
  void choose(const Fork& fork, std::span<const float> logits);
  void descend(int index, double mass);
  void spread(int index, double mass);
  void next_wave();

  const LabelTrie& trie_;
  double mass_min_;
  LabelScores scores_;
  std::vector<Fork> wave_;   ///< what paths_ lead to
  std::vector<Fork> forks_;  ///< of the next wave
  std::vector<std::vector<Token>> paths_;
  std::size_t visited_ = 0;
};

}  // namespace suffice::engine
