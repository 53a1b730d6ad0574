#pragma once
// For tests: what a grammar accepts, found out without libllama.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace suffice::engine {

/// Matches by sets of reachable positions, bytewise (the tests' classes hold ASCII only).
class GbnfMatcher {
 public:
  explicit GbnfMatcher(std::string_view grammar) {
    while (!grammar.empty()) {
      const std::size_t end = grammar.find('\n');
      const std::string_view line = grammar.substr(0, end);
      grammar.remove_prefix(end == std::string_view::npos ? grammar.size() : end + 1);
      const std::size_t sign = line.find(" ::= ");
      if (sign != std::string_view::npos) rules_.emplace(line.substr(0, sign), line.substr(sign + 5));
    }
  }

  bool accepts(std::string_view text) {
    text_ = text;
    return alternatives_of("root", {0}).contains(text.size());
  }

 private:
  using Positions = std::set<std::size_t>;

  Positions alternatives_of(const std::string& rule, const Positions& from) {
    const auto found = rules_.find(rule);
    if (found == rules_.end()) ADD_FAILURE() << "no rule " << rule;
    std::string_view body = found == rules_.end() ? std::string_view() : std::string_view(found->second);
    return alternatives(body, from);
  }
  Positions alternatives(std::string_view& body, const Positions& from) {
    Positions out = sequence(body, from);
    while (!body.empty() && body.front() == '|') {
      body.remove_prefix(1);
      out.merge(sequence(body, from));
    }
    return out;
  }
  Positions sequence(std::string_view& body, Positions at) {
    for (skip(body); !body.empty() && body.front() != '|' && body.front() != ')'; skip(body)) {
      const std::string_view item = body;
      pass_item(body);
      const std::string_view one = item.substr(0, item.size() - body.size());
      const auto [min, max] = repetition(body);
      at = repeat(one, at, min, max);
    }
    return at;
  }
  Positions repeat(std::string_view item, const Positions& from, std::size_t min, std::size_t max) {
    Positions out = min == 0 ? from : Positions();
    Positions at = from;
    for (std::size_t n = 1; n <= max && !at.empty(); ++n) {
      at = single(item, at);
      if (n >= min) {
        const std::size_t before = out.size();
        out.insert(at.begin(), at.end());
        if (max == SIZE_MAX && n > min && out.size() == before) break;
      }
    }
    return out;
  }
  Positions single(std::string_view item, const Positions& from) {
    if (item.front() == '(') {
      item.remove_prefix(1);
      return alternatives(item, from);
    }
    Positions out;
    if (item.front() == '"') {
      const std::string literal = unescape(item.substr(1, item.size() - 2));
      for (const std::size_t at : from) {
        if (text_.substr(at).starts_with(literal)) out.insert(at + literal.size());
      }
    } else if (item.front() == '[') {
      for (const std::size_t at : from) {
        if (at < text_.size() && in_class(item.substr(1, item.size() - 2), text_[at])) out.insert(at + 1);
      }
    } else if (!from.empty()) {
      for (const std::size_t at : from) out.merge(alternatives_of(std::string(item), {at}));
    }
    return out;
  }

  static void skip(std::string_view& body) {
    while (!body.empty() && body.front() == ' ') body.remove_prefix(1);
  }
  static void pass_item(std::string_view& body) {
    const char first = body.front();
    if (first == '(') {
      int depth = 0;
      do {
        if (body.front() == '(') ++depth;
        if (body.front() == ')') --depth;
        if (body.front() == '"' || body.front() == '[') {
          pass_item(body);
        } else {
          body.remove_prefix(1);
        }
      } while (depth > 0);
      return;
    }
    if (first == '"' || first == '[') {
      const char close = first == '"' ? '"' : ']';
      std::size_t i = 1;
      while (body[i] != close) i += body[i] == '\\' ? 2 : 1;
      body.remove_prefix(i + 1);
      return;
    }
    std::size_t i = 0;
    while (i < body.size() && (std::isalnum(static_cast<unsigned char>(body[i])) != 0 || body[i] == '-')) ++i;
    ASSERT_GT(i, 0U) << body;
    body.remove_prefix(i);
  }
  static std::pair<std::size_t, std::size_t> repetition(std::string_view& body) {
    if (body.empty()) return {1, 1};
    const char c = body.front();
    if (c == '?' || c == '*' || c == '+') {
      body.remove_prefix(1);
      return {c == '+' ? 1 : 0, c == '?' ? 1 : SIZE_MAX};
    }
    if (c != '{') return {1, 1};
    const std::string inside(body.substr(1, body.find('}') - 1));
    body.remove_prefix(inside.size() + 2);
    const std::size_t comma = inside.find(',');
    const std::size_t min = std::stoul(inside);
    if (comma == std::string::npos) return {min, min};
    return {min, comma + 1 == inside.size() ? SIZE_MAX : std::stoul(inside.substr(comma + 1))};
  }
  static std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\') {
        out += text[i];
      } else if (text[++i] == 'x') {
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      } else {
        out += text[i];
      }
    }
    return out;
  }
  static bool in_class(std::string_view body, char c) {
    const bool negated = body.front() == '^';
    const std::string set = unescape(body.substr(negated ? 1 : 0));
    bool inside = false;
    for (std::size_t i = 0; i < set.size(); ++i) {
      const bool range = i + 2 < set.size() && set[i + 1] == '-';
      inside = inside || (range ? c >= set[i] && c <= set[i + 2] : c == set[i]);
      if (range) i += 2;
    }
    return inside != negated;
  }

  std::map<std::string, std::string, std::less<>> rules_;
  std::string_view text_;
};

}  // namespace suffice::engine
