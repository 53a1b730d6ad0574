#include "wire/document_part.hpp"

#include <array>
#include <cstdint>
#include <utility>

#include "core/text.hpp"
#include "wire/json.hpp"
#include "wire/json_fields.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

constexpr std::uint8_t kNoDigit = 255;

constexpr std::array<std::uint8_t, 256> digit_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
  return values;
}

bool is_text_type(std::string_view media_type) {
  const std::string_view type = media_type.substr(0, media_type.find(';'));
  return type.starts_with("text/") || type == "application/json" || type == "application/x-ndjson" || type.empty();
}

Result<std::string> checked_text(std::string text, const JsonPath& path) {
  if (first_invalid_utf8(text)) return unsupported(path, "the file is not UTF-8 text; convert it before you send it");
  return text;
}

/// "data:text/plain;base64,QUJD", or base64 alone.
Result<std::string> decode_file_data(std::string_view data, const JsonPath& path) {
  std::string_view media_type;
  if (data.starts_with("data:")) {
    const std::size_t comma = data.find(',');
    if (comma == std::string_view::npos) return malformed(path, "a data: URL needs a comma before its data");
    std::string_view head = data.substr(5, comma - 5);
    data.remove_prefix(comma + 1);
    if (!head.ends_with(";base64")) return unsupported(path, "only base64 data: URLs are read");
    head.remove_suffix(std::string_view(";base64").size());
    media_type = head;
  }
  if (!is_text_type(media_type)) return unsupported(path, "only text is read from files; send the text of this one");
  Result<std::string> bytes = decode_base64(data);
  if (!bytes) return malformed(path, "is not base64");
  return checked_text(*std::move(bytes), path);
}

Result<DocumentPart> read_openai_file(const bj::object& object, const JsonPath& path) {
  const bj::value* file = find_member(object, "file");
  const JsonPath here = path.member("file");
  if (file == nullptr || !file->is_object()) return malformed(here, "expected an object");
  DocumentPart part;
  std::string data;
  SUFFICE_TRY_VOID(read_member(file->get_object(), "filename", here, part.name));
  SUFFICE_TRY_VOID(read_member(file->get_object(), "file_data", here, data));
  if (data.empty()) return unsupported(here.member("file_data"), "no files are kept or fetched here: send file_data");
  SUFFICE_TRY(part.text, decode_file_data(data, here.member("file_data")));
  return part;
}

/// Anthropic's custom content: a string, or blocks of text.
Result<std::string> read_blocks(const bj::value* content, const JsonPath& path) {
  if (content != nullptr && content->is_string()) return std::string(content->get_string());
  if (content == nullptr || !content->is_array()) return malformed(path, "expected a string or an array of blocks");
  std::string text;
  for (std::size_t i = 0; i < content->get_array().size(); ++i) {
    const JsonPath here = path.element(i);
    const bj::object* block = content->get_array()[i].if_object();
    if (block == nullptr) return malformed(here, "expected an object");
    std::string type;
    std::string piece;
    SUFFICE_TRY_VOID(read_member(*block, "type", here, type));
    if (type != "text") return unsupported(here, "only text is read from documents");
    SUFFICE_TRY_VOID(read_member(*block, "text", here, piece));
    if (!text.empty()) text += '\n';
    text += piece;
  }
  return text;
}

Result<DocumentPart> read_anthropic_document(const bj::object& object, const JsonPath& path) {
  DocumentPart part;
  SUFFICE_TRY_VOID(read_member(object, "title", path, part.name));
  const bj::value* value = find_member(object, "source");
  const JsonPath here = path.member("source");
  if (value == nullptr || !value->is_object()) return malformed(here, "expected an object");
  const bj::object& source = value->get_object();
  std::string type;
  std::string media_type;
  std::string data;
  SUFFICE_TRY_VOID(read_member(source, "type", here, type));
  if (type == "content") {
    SUFFICE_TRY(part.text, read_blocks(find_member(source, "content"), here.member("content")));
    return part;
  }
  if (type != "text" && type != "base64")
    return unsupported(here.member("type"), "no files are kept or fetched here: send the text itself");
  SUFFICE_TRY_VOID(read_member(source, "media_type", here, media_type));
  SUFFICE_TRY_VOID(read_member(source, "data", here, data));
  if (!is_text_type(media_type))
    return unsupported(here.member("media_type"), "only text is read from documents; send the text of this one");
  if (type == "text") {
    part.text = std::move(data);
  } else {
    SUFFICE_TRY(part.text, decode_file_data(data, here.member("data")));
  }
  return part;
}

}  // namespace

Result<DocumentPart> read_document_part(const ContentPart& part) {
  const JsonPath path;
  SUFFICE_TRY(const bj::value value, parse_json(part.raw.text));
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(path, "expected an object");
  if (find_member(*object, "source") != nullptr) return read_anthropic_document(*object, path);
  return read_openai_file(*object, path);
}

Result<std::string> decode_base64(std::string_view text) {
  static constexpr std::array<std::uint8_t, 256> kValues = digit_values();
  const auto bad = [] { return fail(ErrorCode::MalformedRequest, "is not base64"); };
  if (text.size() % 4 != 0) return bad();
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const std::uint8_t value = j < digits ? kValues[static_cast<unsigned char>(text[i + j])] : std::uint8_t{0};
      if (value == kNoDigit) return bad();
      group = group << 6U | value;
    }
    if ((digits == 2 && (group & 0xffffU) != 0) || (digits == 3 && (group & 0xffU) != 0)) return bad();
    for (std::size_t j = 0; j + 1 < digits; ++j) bytes += static_cast<char>(group >> (16U - 8U * j) & 0xffU);
  }
  return bytes;
}

}  // namespace suffice::wire
