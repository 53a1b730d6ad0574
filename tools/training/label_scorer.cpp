// Scores label sets with libllama, for evaluation: reads commands from standard input, answers each with one line.
//
//   label_scorer MODEL.gguf BACKENDS_DIR [ADAPTER.gguf]
//
//   set NAME N           then N lines of token ids, one per label (each ends with the end token)
//   tokenize HEX         -> the token ids of these UTF-8 bytes, control tokens in them read as plain text
//   score NAME ID...     -> BEST PROBABILITY OUTSIDE   best label's index; its probability; share of the first step's
//                           probability that was on no label
//   logits ID...         -> the logits after these tokens, of the whole vocabulary
//
// The best label is found as the gateway's engine finds it: a walk down the trie of the labels' tokens that takes the
// likeliest child at every step, its probability renormalised over the children. A node with one child costs no decode.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "ggml-backend.h"
#include "llama.h"

namespace {

struct TrieNode {
  std::map<llama_token, std::unique_ptr<TrieNode>> children;
  int label = -1;
};

using Tokens = std::vector<llama_token>;

void insert(TrieNode& root, const Tokens& tokens, int label) {
  TrieNode* node = &root;
  for (llama_token token : tokens) {
    auto& child = node->children[token];
    if (!child) child = std::make_unique<TrieNode>();
    node = child.get();
  }
  node->label = label;
}

struct Score {
  int label = -1;
  double probability = 1.0;
  double outside = 0.0;
};

class Scorer {
 public:
  Scorer(const char* model_path, const char* backends, const char* adapter_path) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    ggml_backend_load_all_from_path(backends);
    model_.reset(llama_model_load_from_file(model_path, llama_model_default_params()));
    if (!model_) throw std::runtime_error("cannot load the model");
    llama_context_params params = llama_context_default_params();
    params.n_ctx = static_cast<uint32_t>(llama_model_n_ctx_train(model_.get()));
    params.n_batch = params.n_ctx;
    params.n_ubatch = params.n_ctx;
    params.n_threads = params.n_threads_batch = 1;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
    context_.reset(llama_init_from_model(model_.get(), params));
    if (!context_) throw std::runtime_error("cannot make a context");
    context_tokens_ = params.n_ctx;
    if (adapter_path) apply(adapter_path);
  }

  Tokens tokenize(const std::string& text) const {
    Tokens tokens(text.size() + 8);
    int count = llama_tokenize(vocab(), text.data(), static_cast<int>(text.size()), tokens.data(),
                               static_cast<int>(tokens.size()), /*add_special=*/false, /*parse_special=*/false);
    if (count < 0) throw std::runtime_error("tokenize failed");
    tokens.resize(static_cast<size_t>(count));
    return tokens;
  }

  Score score(const TrieNode& root, Tokens prompt) {
    if (prompt.empty() || prompt.size() + 16 > context_tokens_) throw std::runtime_error("prompt does not fit");
    llama_memory_clear(llama_get_memory(context_.get()), true);
    Score result;
    Tokens pending = std::move(prompt);
    bool first = true;
    const TrieNode* node = &root;
    while (node->label < 0) {
      if (node->children.size() == 1) {
        pending.push_back(node->children.begin()->first);
        node = node->children.begin()->second.get();
        continue;
      }
      const float* logits = decode(pending);
      auto best = likeliest(*node, logits);
      double inside = 0.0;
      for (const auto& child : node->children)
        inside += std::exp(double(logits[child.first]) - double(logits[best->first]));
      result.probability /= inside;
      if (first) result.outside = 1.0 - inside / total(logits, logits[best->first]);
      first = false;
      pending.assign(1, best->first);
      node = best->second.get();
    }
    result.label = node->label;
    return result;
  }

  std::vector<float> logits(Tokens prompt) {
    llama_memory_clear(llama_get_memory(context_.get()), true);
    const float* first = decode(prompt);
    return std::vector<float>(first, first + llama_vocab_n_tokens(vocab()));
  }

 private:
  void apply(const char* path) {
    llama_adapter_lora* adapter = llama_adapter_lora_init(model_.get(), path);  // the model frees it
    if (!adapter) throw std::runtime_error("cannot load the adapter");
    float scale = 1.0F;
    if (llama_set_adapters_lora(context_.get(), &adapter, 1, &scale) != 0)
      throw std::runtime_error("cannot set the adapter");
  }

  using Child = std::map<llama_token, std::unique_ptr<TrieNode>>::const_iterator;

  static Child likeliest(const TrieNode& node, const float* logits) {
    return std::max_element(node.children.begin(), node.children.end(),
                            [&](const auto& a, const auto& b) { return logits[a.first] < logits[b.first]; });
  }

  double total(const float* logits, float reference) const {
    double sum = 0.0;
    for (int i = 0; i < llama_vocab_n_tokens(vocab()); ++i) sum += std::exp(double(logits[i]) - double(reference));
    return sum;
  }

  const float* decode(Tokens& tokens) {
    llama_batch batch = llama_batch_get_one(tokens.data(), static_cast<int>(tokens.size()));
    if (llama_decode(context_.get(), batch) != 0) throw std::runtime_error("decode failed");
    return llama_get_logits_ith(context_.get(), -1);
  }

  const llama_vocab* vocab() const { return llama_model_get_vocab(model_.get()); }

  struct Free {
    void operator()(llama_model* model) const { llama_model_free(model); }
    void operator()(llama_context* context) const { llama_free(context); }
  };
  std::unique_ptr<llama_model, Free> model_;
  std::unique_ptr<llama_context, Free> context_;
  size_t context_tokens_ = 0;
};

Tokens read_ids(std::istream& in) {
  Tokens ids;
  for (llama_token id; in >> id;) ids.push_back(id);
  return ids;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

int serve(Scorer& scorer) {
  std::map<std::string, TrieNode> sets;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    std::string command, name;
    in >> command >> name;
    if (command == "set") {
      int count = 0;
      in >> count;
      for (int label = 0; label < count && std::getline(std::cin, line); ++label) {
        std::istringstream ids(line);
        insert(sets[name], read_ids(ids), label);
      }
    } else if (command == "tokenize") {
      for (llama_token id : scorer.tokenize(from_hex(name))) std::cout << id << ' ';
      std::cout << std::endl;
    } else if (command == "logits") {
      in.clear();
      in.str(line.substr(command.size()));
      for (float value : scorer.logits(read_ids(in))) std::cout << value << ' ';
      std::cout << std::endl;
    } else if (command == "score") {
      Score score = scorer.score(sets.at(name), read_ids(in));
      char answer[96];
      std::snprintf(answer, sizeof answer, "%d %.9g %.9g", score.label, score.probability, score.outside);
      std::cout << answer << std::endl;
    } else {
      std::cerr << "label_scorer: unknown command\n";
      return 2;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::cerr << "usage: label_scorer MODEL.gguf BACKENDS_DIR [ADAPTER.gguf]\n";
    return 2;
  }
  try {
    Scorer scorer(argv[1], argv[2], argc == 4 ? argv[3] : nullptr);
    return serve(scorer);
  } catch (const std::exception& error) {
    std::cerr << "label_scorer: " << error.what() << "\n";
    return 1;
  }
}
