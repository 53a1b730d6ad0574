#include "policy/yaml_document.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <istream>
#include <optional>
#include <streambuf>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "core/text.hpp"

namespace suffice::policy {

namespace json = boost::json;

namespace {

/// Stops the parser from inside an event; caught in parse().
struct Stop {
  Place place;
  std::string message;
};

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return Place{.line = mark.line + 1, .column = mark.column + 1};
}

std::optional<json::value> number_of(std::string_view text) {
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  const char first = digits.empty() ? '\0' : digits[digits.starts_with('-') && digits.size() > 1 ? 1 : 0];
  if ((first < '0' || first > '9') && first != '.') return std::nullopt;
  if (text.starts_with('+') && digits.starts_with('-')) return std::nullopt;
  const char* const begin = digits.begin();
  const char* const end = digits.end();
  std::int64_t integer = 0;
  auto whole = std::from_chars(begin, end, integer);
  if (whole.ec == std::errc() && whole.ptr == end) return json::value(integer);
  if (digits.starts_with("0x") || digits.starts_with("0o")) {
    whole = std::from_chars(begin + 2, end, integer, digits[1] == 'x' ? 16 : 8);
    if (whole.ec == std::errc() && whole.ptr == end) return json::value(integer);
    return std::nullopt;
  }
  double real = 0;
  const auto fraction = std::from_chars(begin, end, real);
  if (fraction.ec == std::errc() && fraction.ptr == end) return json::value(real);
  return std::nullopt;
}

/// YAML 1.2.2, 10.3.2 (core schema), except that infinities and not-a-number stay words: JSON has none.
json::value plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (auto number = number_of(text)) return *std::move(number);
  return json::value(text);
}

std::size_t count_nodes(const json::value& value) {
  std::size_t count = 1;
  if (const auto* array = value.if_array()) {
    for (const json::value& element : *array) count += count_nodes(element);
  } else if (const auto* object = value.if_object()) {
    for (const auto& member : *object) count += 1 + count_nodes(member.value());
  }
  return count;
}

/// Bytes of the caller as a stream, without a copy.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* const begin = const_cast<char*>(text.data());  // a get area is never written
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

/// Builds the document from the parser's events.
class YamlBuilder final : public YAML::EventHandler {
 public:
  YamlBuilder(YamlDocument& document, std::vector<Problem>& problems, const YamlLimits& limits)
      : document_(document), problems_(problems), limits_(limits) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { scalar(mark, anchor, nullptr, ""); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    scalar(mark, anchor, tag == "?" ? plain_scalar(text) : json::value(text), text);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Stop{place_of(mark), "an alias cannot stand inside its own anchor"};
    spend(mark, count_nodes(found->second));
    if (expects_key()) {
      const json::string* key = found->second.if_string();
      take_key(mark, key == nullptr ? std::nullopt : std::optional<std::string>(std::string(*key)));
    } else {
      put(mark, found->second);
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    json::value value;
    Pointer pointer;
    YAML::anchor_t anchor = YAML::NullAnchor;
    bool is_key = false;   ///< a list or mapping used as a key: read and dropped
    bool has_key = false;  ///< a mapping whose next event is a value
    bool dropped = false;  ///< the pending value belongs to a duplicate or unusable key
    std::string key = {};
  };

  [[nodiscard]] bool expects_key() const {
    return !stack_.empty() && stack_.back().value.is_object() && !stack_.back().has_key;
  }

  void spend(const YAML::Mark& mark, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > limits_.nodes_max) {
      throw Stop{place_of(mark),
                 fmt::format("more than {} values after expanding aliases; make the file smaller", limits_.nodes_max)};
    }
  }

  void problem(Place place, const Pointer& pointer, std::string message) {
    problems_.push_back({document_.file_, place.line, place.column, readable(pointer), std::move(message)});
  }

  void scalar(const YAML::Mark& mark, YAML::anchor_t anchor, json::value value, const std::string& text) {
    spend(mark, 1);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = value;
    if (expects_key()) {
      take_key(mark, value.is_null() && text.empty() ? std::nullopt : std::optional(text));
    } else {
      put(mark, std::move(value));
    }
  }

  void take_key(const YAML::Mark& mark, std::optional<std::string> key) {
    Frame& frame = stack_.back();
    const Place place = place_of(mark);
    frame.has_key = true;
    frame.dropped = true;
    if (!key) {
      problem(place, frame.pointer, "a key must be a word or a quoted text");
      return;
    }
    frame.key = *std::move(key);
    const Pointer pointer = child(frame.pointer, frame.key);
    if (frame.value.as_object().contains(frame.key)) {
      problem(place, pointer,
              fmt::format("duplicate key (first on line {}); keep one of them", document_.key_place(pointer).line));
      return;
    }
    frame.dropped = false;
    document_.keys_[pointer] = place;
  }

  [[nodiscard]] Pointer next_pointer() const {
    if (stack_.empty()) return {};
    const Frame& frame = stack_.back();
    if (const auto* array = frame.value.if_array()) return child(frame.pointer, array->size());
    return child(frame.pointer, frame.key);
  }

  void put(const YAML::Mark& mark, json::value value) {
    if (stack_.empty() || !stack_.back().dropped) document_.values_.try_emplace(next_pointer(), place_of(mark));
    attach(std::move(value));
  }

  void attach(json::value value) {
    if (stack_.empty()) {
      document_.root_ = std::move(value);
      return;
    }
    Frame& frame = stack_.back();
    if (auto* array = frame.value.if_array()) {
      array->push_back(std::move(value));
      return;
    }
    if (!frame.dropped) frame.value.as_object().insert_or_assign(frame.key, std::move(value));
    frame.has_key = false;
    frame.dropped = false;
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, json::value value) {
    spend(mark, 1);
    if (stack_.size() >= limits_.depth_max) {
      throw Stop{place_of(mark), fmt::format("nested deeper than {} levels", limits_.depth_max)};
    }
    const bool is_key = expects_key();
    const Pointer pointer = is_key ? stack_.back().pointer : next_pointer();
    const bool dropped = !stack_.empty() && stack_.back().dropped;
    if (is_key) {
      take_key(mark, std::nullopt);
    } else if (!dropped) {
      document_.values_.try_emplace(pointer, place_of(mark));
    }
    stack_.push_back({.value = std::move(value), .pointer = pointer, .anchor = anchor, .is_key = is_key});
  }

  void close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    if (frame.is_key) return;
    if (frame.anchor != YAML::NullAnchor) anchors_[frame.anchor] = frame.value;
    attach(std::move(frame.value));
  }

  YamlDocument& document_;
  std::vector<Problem>& problems_;
  const YamlLimits& limits_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, json::value> anchors_;
  std::size_t nodes_ = 0;
};

namespace {

Place place_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const auto last_line = before.rfind('\n');
  return Place{.line = 1 + static_cast<int>(std::ranges::count(before, '\n')),
               .column = static_cast<int>(last_line == std::string_view::npos ? offset : offset - last_line - 1) + 1};
}

/// Bytes that YAML does not allow, or that yaml-cpp takes for something else (0x04 is its end of file).
std::optional<Stop> find_bad_bytes(std::string_view text, const YamlLimits& limits) {
  if (text.size() > limits.bytes_max) {
    return Stop{{}, fmt::format("the file has {} bytes; at most {} are read", text.size(), limits.bytes_max)};
  }
  if (const auto offset = first_invalid_utf8(text)) {
    return Stop{place_at(text, *offset), "not UTF-8; save the file as UTF-8"};
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f) {
      return Stop{place_at(text, i), fmt::format("control character 0x{:02x}; remove it", byte)};
    }
  }
  return std::nullopt;
}

bool indented_with_tab(std::string_view text, int line) {
  for (int before = 1; before < line; ++before) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text.substr(0, text.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

}  // namespace

YamlDocument YamlDocument::parse(std::string_view text, std::string file, std::vector<Problem>& problems,
                                 const YamlLimits& limits) {
  YamlDocument document;
  document.file_ = std::move(file);
  const auto stopped = [&](const Stop& stop) {
    problems.push_back({document.file_, stop.place.line, stop.place.column, "", stop.message});
  };
  if (const auto bad = find_bad_bytes(text, limits)) {
    stopped(*bad);
    return document;
  }
  YamlBuilder builder(document, problems, limits);
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return document;
    YamlDocument rest;
    std::vector<Problem> ignored;
    YamlBuilder second(rest, ignored, limits);
    if (parser.HandleNextDocument(second)) stopped({{}, "more than one YAML document; keep only the first"});
  } catch (const YAML::Exception& error) {
    const Place place = place_of(error.mark);
    const bool tabbed = place.line > 0 && indented_with_tab(text, place.line);
    stopped({place, fmt::format("not YAML: {}{}", error.msg, tabbed ? "; indent with spaces, not tabs" : "")});
  } catch (const Stop& stop) {
    stopped(stop);
  }
  return document;
}

Pointer child(const Pointer& parent, std::string_view key) {
  Pointer result = parent;
  result += '/';
  for (const char c : key) {
    if (c == '~') {
      result += "~0";
    } else if (c == '/') {
      result += "~1";
    } else {
      result += c;
    }
  }
  return result;
}

Pointer child(const Pointer& parent, std::size_t index) { return fmt::format("{}/{}", parent, index); }

std::string readable(const Pointer& pointer) {
  std::string result;
  std::size_t start = 1;
  while (start <= pointer.size() && !pointer.empty()) {
    const std::size_t end = std::min(pointer.find('/', start), pointer.size());
    const std::string_view part = std::string_view(pointer).substr(start, end - start);
    const bool is_index = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    if (is_index) {
      result += fmt::format("[{}]", part);
    } else {
      if (!result.empty()) result += '.';
      for (std::size_t i = 0; i < part.size(); ++i) {
        const bool escaped = part[i] == '~' && i + 1 < part.size();
        result += !escaped ? part[i] : part[i + 1] == '1' ? '/' : '~';
        if (escaped) ++i;
      }
    }
    start = end + 1;
  }
  return result;
}

Place YamlDocument::value_place(Pointer pointer) const {
  while (true) {
    if (const auto found = values_.find(pointer); found != values_.end()) return found->second;
    if (pointer.empty()) return {};
    pointer.resize(pointer.rfind('/'));
  }
}

Place YamlDocument::key_place(const Pointer& pointer) const {
  const auto found = keys_.find(pointer);
  return found != keys_.end() ? found->second : value_place(pointer);
}

Problem YamlDocument::at_value(const Pointer& pointer, std::string message) const {
  const Place place = value_place(pointer);
  return {file_, place.line, place.column, readable(pointer), std::move(message)};
}

Problem YamlDocument::at_key(const Pointer& pointer, std::string message) const {
  const Place place = key_place(pointer);
  return {file_, place.line, place.column, readable(pointer), std::move(message)};
}

}  // namespace suffice::policy
