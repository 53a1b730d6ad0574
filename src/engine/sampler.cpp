#include "engine/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace suffice::engine {
namespace {

Token argmax(std::span<const float> logits) {
  return static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

Result<double> in_range(const std::optional<double>& value, double unset, double low, double high, const char* name) {
  const double number = value.value_or(unset);
  if (!(number >= low && number <= high)) {
    return fail(ErrorCode::InvalidArgument,
                std::string(name) + " must be between " + std::to_string(low) + " and " + std::to_string(high), name);
  }
  return number;
}

}  // namespace

double log_sum_exp(std::span<const float> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - top);
  return top + std::log(sum);
}

std::vector<RankedToken> top_tokens(std::span<const float> logits, std::size_t count) {
  const double norm = log_sum_exp(logits);
  std::vector<Token> order(logits.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Token>(i);
  count = std::min(count, order.size());
  const auto better = [&](Token a, Token b) {
    const float x = logits[static_cast<std::size_t>(a)];
    const float y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), better);
  std::vector<RankedToken> top;
  for (std::size_t i = 0; i < count; ++i) {
    top.push_back({order[i], static_cast<double>(logits[static_cast<std::size_t>(order[i])]) - norm});
  }
  return top;
}

Result<TokenSampler> TokenSampler::create(const Sampling& sampling) {
  SUFFICE_TRY_VOID(in_range(sampling.temperature, 0, 0, 2, "temperature"));
  SUFFICE_TRY_VOID(in_range(sampling.top_p, 1, 0, 1, "top_p"));
  SUFFICE_TRY_VOID(in_range(sampling.presence_penalty, 0, -2, 2, "presence_penalty"));
  SUFFICE_TRY_VOID(in_range(sampling.frequency_penalty, 0, -2, 2, "frequency_penalty"));
  const std::uint64_t seed = sampling.seed ? static_cast<std::uint64_t>(*sampling.seed) : SystemRandom().next();
  return TokenSampler(sampling, seed);
}

TokenSampler::TokenSampler(const Sampling& sampling, std::uint64_t seed)
    : temperature_(sampling.temperature.value_or(0)),
      top_p_(sampling.top_p.value_or(1)),
      presence_(sampling.presence_penalty.value_or(0)),
      frequency_(sampling.frequency_penalty.value_or(0)),
      random_(seed) {}

void TokenSampler::accept(Token token) {
  if (presence_ != 0 || frequency_ != 0) ++counts_[token];
}

std::vector<float> TokenSampler::penalised(std::span<const float> logits) const {
  std::vector<float> out(logits.begin(), logits.end());
  for (const auto& [token, count] : counts_) {
    out[static_cast<std::size_t>(token)] -= static_cast<float>(presence_ + frequency_ * count);
  }
  return out;
}

Token TokenSampler::pick(std::span<const float> logits) {
  std::vector<float> copy;
  if (!counts_.empty()) {
    copy = penalised(logits);
    logits = copy;
  }
  return temperature_ == 0 ? argmax(logits) : draw(logits);
}

Token TokenSampler::draw(std::span<const float> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  // Weights below e^-20 of the best can never be drawn in a token's lifetime of this program; leaving them out keeps the sort small.
  std::vector<std::pair<double, Token>> weights;
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double exponent = (static_cast<double>(logits[i]) - top) / temperature_;
    if (exponent < -20) continue;
    weights.emplace_back(std::exp(exponent), static_cast<Token>(i));
    sum += weights.back().first;
  }
  if (top_p_ < 1) {
    std::sort(weights.begin(), weights.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    double kept = 0;
    std::size_t count = 0;
    while (count < weights.size() && (count == 0 || kept < top_p_ * sum)) kept += weights[count++].first;
    weights.resize(count);
    sum = kept;
  }
  double left = random_.uniform() * sum;
  for (const auto& [weight, token] : weights) {
    left -= weight;
    if (left < 0) return token;
  }
  return weights.back().second;
}

}  // namespace suffice::engine
