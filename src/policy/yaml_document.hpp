#pragma once
// YamlDocument: a YAML file as a JSON value that remembers where each part stands.
// Internal to the file-reading modules (policy, prompts): it shows Boost.JSON.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "policy/problem.hpp"

namespace suffice::policy {

/// Bounds of a file people write. Expanded aliases count, so a "billion laughs" file stops at `nodes_max`.
struct YamlLimits {
  std::size_t bytes_max = 1U << 20;
  std::size_t nodes_max = 100'000;
  std::size_t depth_max = 48;
};

/// Line and column from 1; columns count bytes.
struct Place {
  int line = 0;
  int column = 0;
};

/// A path inside a document: "/tasks/classify_issue/labels/0" (RFC 6901).
using Pointer = std::string;
[[nodiscard]] Pointer child(const Pointer& parent, std::string_view key);
[[nodiscard]] Pointer child(const Pointer& parent, std::size_t index);
/// "tasks.classify_issue.labels[0]", as people read it; list positions are known only from the document.
[[nodiscard]] std::string readable(const Pointer& pointer);

class YamlDocument {
 public:
  /// The single YAML 1.2 document of `text`, plain scalars typed by the core schema (`no` and `on` stay words).
  /// Problems (syntax, duplicate and non-text keys, limits, bytes that are not UTF-8) are appended to `problems`;
  /// what could be read is returned. Anchors and aliases are expanded; tags are ignored.
  static YamlDocument parse(std::string_view text, std::string file, std::vector<Problem>& problems,
                            const YamlLimits& limits = {});

  [[nodiscard]] const boost::json::value& root() const { return root_; }
  [[nodiscard]] const std::string& file() const { return file_; }

  /// Where the value at `pointer` stands, or its nearest ancestor that is in the file (inside an expanded alias).
  [[nodiscard]] Place value_place(Pointer pointer) const;
  /// Where the key that leads to `pointer` stands; the value's place for list elements.
  [[nodiscard]] Place key_place(const Pointer& pointer) const;

  /// A problem of the value, or of the key, at `pointer`.
  [[nodiscard]] Problem at_value(const Pointer& pointer, std::string message) const;
  [[nodiscard]] Problem at_key(const Pointer& pointer, std::string message) const;

 private:
  friend class YamlBuilder;
  std::string file_;
  boost::json::value root_;
  std::map<Pointer, Place> values_;
  std::map<Pointer, Place> keys_;
};

}  // namespace suffice::policy
