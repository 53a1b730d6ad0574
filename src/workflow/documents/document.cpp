#include "workflow/documents/document.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "core/text.hpp"
#include "wire/json.hpp"
#include "workflow/documents/sentences.hpp"

namespace suffice::workflow {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t kNameCharactersMax = 100;

constexpr std::array<std::pair<std::string_view, DocumentKind>, 17> kEndings = {{
    {".log", DocumentKind::Log},
    {".md", DocumentKind::Markdown},
    {".json", DocumentKind::Json},
    {".jsonl", DocumentKind::Json},
    {".cpp", DocumentKind::Code},
    {".hpp", DocumentKind::Code},
    {".cc", DocumentKind::Code},
    {".c", DocumentKind::Code},
    {".h", DocumentKind::Code},
    {".py", DocumentKind::Code},
    {".java", DocumentKind::Code},
    {".js", DocumentKind::Code},
    {".ts", DocumentKind::Code},
    {".go", DocumentKind::Code},
    {".rs", DocumentKind::Code},
    {".sql", DocumentKind::Code},
    {".sh", DocumentKind::Code},
}};

DocumentKind kind_of(std::string_view name, std::string_view text, const std::vector<TextRange>& lines) {
  for (const auto& [ending, kind] : kEndings) {
    if (name.ends_with(ending)) return kind;
  }
  const auto turns = std::ranges::count_if(lines, [&](const TextRange& line) { return begins_turn(line.of(text)); });
  return turns >= 3 && 2 * static_cast<std::size_t>(turns) >= lines.size() ? DocumentKind::Transcript
                                                                           : DocumentKind::Text;
}

std::size_t replace_invalid_utf8(std::string& text) {
  std::size_t replaced = 0;
  std::size_t from = 0;
  while (const auto bad = first_invalid_utf8(std::string_view(text).substr(from))) {
    text[from + *bad] = '?';
    from += *bad + 1;
    ++replaced;
  }
  return replaced;
}

std::string clean_name(std::string_view name) {
  std::string clean(name.substr(name.find_last_of("/\\") + 1));
  replace_invalid_utf8(clean);
  std::ranges::replace_if(clean, [](char c) { return static_cast<unsigned char>(c) < 0x20U || c == '\x7f'; }, '?');
  return std::string(first_code_points(clean, kNameCharactersMax));
}

}  // namespace

std::string_view name(DocumentKind kind) noexcept {
  switch (kind) {
    case DocumentKind::Text:
      return "text";
    case DocumentKind::Transcript:
      return "transcript";
    case DocumentKind::Log:
      return "log";
    case DocumentKind::Code:
      return "code";
    case DocumentKind::Json:
      return "json";
    case DocumentKind::Markdown:
      return "markdown";
  }
  return "text";
}

Result<Document> Document::create(std::string_view name, std::string text, const DocumentLimits& limits) {
  std::string clean = clean_name(name);
  if (text.size() > limits.bytes_max) {
    return fail(ErrorCode::PayloadTooLarge,
                fmt::format("the document has {} bytes, {} are allowed; give a part of it, or raise the limit",
                            text.size(), limits.bytes_max),
                std::move(clean));
  }
  if (trim(text).empty()) {
    return fail(ErrorCode::InvalidArgument, "the document is empty: there is nothing to read", std::move(clean));
  }
  Document document{.name = std::move(clean), .text = std::move(text)};
  document.replaced_bytes = replace_invalid_utf8(document.text);
  const std::vector<TextRange> lines = split_lines(document.text);
  document.lines = lines.size();
  document.kind = kind_of(document.name, document.text, lines);
  return document;
}

JsonText Document::metadata() const {
  boost::json::object object;
  object["name"] = name;
  object["kind"] = workflow::name(kind);
  object["bytes"] = text.size();
  object["lines"] = lines;
  return wire::to_json_text(object);
}

}  // namespace suffice::workflow
