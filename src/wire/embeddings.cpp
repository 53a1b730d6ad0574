#include "wire/embeddings.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "wire/json_fields.hpp"
#include "wire/json_writer.hpp"

namespace suffice::wire {
namespace {

namespace bj = boost::json;

constexpr std::size_t kTextsMax = 2048;  // OpenAI's limit
constexpr std::int64_t kDimensionsMax = 65'536;

Result<std::string> text_of(const bj::value& value, const JsonPath& path) {
  if (value.is_number() || value.is_array())
    return unsupported(path, "tokens mean something else to every model: send text");
  const bj::string* text = value.if_string();
  if (text == nullptr) return malformed(path, "expected a string");
  if (text->empty()) return malformed(path, "must not be empty");
  return std::string(*text);
}

Result<void> decode_input(const bj::object& body, const JsonPath& path, std::vector<std::string>& texts) {
  const JsonPath here = path.member("input");
  const bj::value* input = find_member(body, "input");
  if (input == nullptr) return malformed(here, "is required");
  const bj::array* array = input->if_array();
  if (array == nullptr) {
    SUFFICE_TRY(std::string text, text_of(*input, here));
    texts.push_back(std::move(text));
    return {};
  }
  if (array->empty()) return malformed(here, "must hold at least one text");
  if (array->size() > kTextsMax) return malformed(here, "holds more than " + std::to_string(kTextsMax) + " texts");
  for (std::size_t i = 0; i < array->size(); ++i) {
    SUFFICE_TRY(std::string text, text_of((*array)[i], here.element(i)));
    texts.push_back(std::move(text));
  }
  return {};
}

Result<EmbeddingRequest> decode_common(const bj::object& body, const JsonPath& path,
                                       std::span<const std::string_view> known) {
  for (const auto& member : body) {
    const std::string_view key = member.key();
    if (member.value().is_null() || std::ranges::find(known, key) != known.end()) continue;
    return unsupported(
        path, "only these fields are known here: " + [&] {
          std::string names;
          for (const std::string_view name : known) names.append(names.empty() ? "" : ", ").append(name);
          return names;
        }());
  }
  EmbeddingRequest request;
  SUFFICE_TRY_VOID(read_member(body, "model", path, request.model));
  if (request.model.empty()) return malformed(path.member("model"), "is required");
  SUFFICE_TRY_VOID(decode_input(body, path, request.texts));
  SUFFICE_TRY_VOID(read_integer(body, "dimensions", path, IntegerRange{1, kDimensionsMax}, request.dimensions));
  return request;
}

void append_numbers(std::string& out, std::span<const float> vector) {
  std::array<char, 32> buffer{};
  char separator = '[';
  for (const float number : vector) {
    out += separator;
    separator = ',';
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
    out.append(buffer.data(), end);
  }
  out += vector.empty() ? "[]" : "]";
}

std::string little_endian(std::span<const float> vector) {
  std::string bytes;
  bytes.reserve(vector.size() * sizeof(float));
  for (const float number : vector) {
    const auto bits = std::bit_cast<std::uint32_t>(number);
    for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((bits >> shift) & 0xffU);
  }
  return bytes;
}

Result<std::vector<float>> vector_of(const bj::value& value) {
  const bj::array* numbers = value.if_array();
  if (numbers == nullptr || numbers->empty())
    return fail(ErrorCode::ProtocolError, "the provider's answer holds something that is no vector");
  std::vector<float> vector;
  vector.reserve(numbers->size());
  for (const bj::value& number : *numbers) {
    const std::optional<double> read = to_double(number);
    const float narrow = read ? static_cast<float>(*read) : NAN;
    if (!std::isfinite(narrow)) return fail(ErrorCode::ProtocolError, "the provider's vector holds no finite number");
    vector.push_back(narrow);
  }
  return vector;
}

Result<void> check_vectors(const EmbeddingAnswer& answer, std::size_t texts) {
  const bool whole = answer.vectors.size() == texts && std::ranges::all_of(answer.vectors, [&](const auto& vector) {
                       return !vector.empty() && vector.size() == answer.vectors.front().size();
                     });
  if (whole) return {};
  return fail(ErrorCode::ProtocolError, "the provider did not send one vector of one length for each text");
}

Result<bj::object> object_of(std::string_view body) {
  auto value = parse_json(body);
  if (!value || !value->is_object())
    return fail(ErrorCode::ProtocolError, "the provider's answer is not a JSON object");
  return std::move(value->get_object());
}

}  // namespace

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8U | (j < here ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) out += j <= here ? digits[(group >> (18U - 6U * j)) & 63U] : '=';
  }
  return out;
}

Result<OpenAiEmbeddingsRequest> decode_openai_embeddings_request(std::string_view body, const JsonLimits& limits) {
  constexpr auto known = std::to_array<std::string_view>({"model", "input", "encoding_format", "dimensions", "user"});
  JsonArena arena;
  SUFFICE_TRY(const bj::value value, parse_json(body, limits, arena.storage()));
  const JsonPath root;
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(root, "the body must be a JSON object");
  OpenAiEmbeddingsRequest decoded;
  SUFFICE_TRY(decoded.request, decode_common(*object, root, known));
  SUFFICE_TRY_VOID(read_member(*object, "user", root, decoded.request.user));
  std::string format = "float";
  SUFFICE_TRY_VOID(read_member(*object, "encoding_format", root, format));
  if (format != "float" && format != "base64")
    return malformed(root.member("encoding_format"), "must be float or base64");
  decoded.format = format == "base64" ? VectorFormat::Base64 : VectorFormat::Numbers;
  return decoded;
}

std::string encode_openai_embeddings_response(const EmbeddingAnswer& answer, std::string_view model,
                                              VectorFormat format) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("object", "list").key("data").begin_array();
  for (std::size_t i = 0; i < answer.vectors.size(); ++i) {
    json.begin_object().field("object", "embedding").field("index", i).key("embedding");
    if (format == VectorFormat::Base64) {
      json.string(base64(little_endian(answer.vectors[i])));
    } else {
      std::string numbers;
      append_numbers(numbers, answer.vectors[i]);
      json.raw(numbers);
    }
    json.end_object();
  }
  const std::int64_t tokens = answer.usage ? answer.usage->input_tokens : 0;
  json.end_array().field("model", model).key("usage").begin_object();
  json.field("prompt_tokens", tokens).field("total_tokens", tokens).end_object().end_object();
  return out;
}

std::string encode_openai_embeddings_request(const EmbeddingRequest& request) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("model", request.model).key("input").begin_array();
  for (const std::string& text : request.texts) json.string(text);
  json.end_array().field("encoding_format", "float");
  if (request.dimensions) json.field("dimensions", *request.dimensions);
  if (!request.user.empty()) json.field("user", request.user);
  json.end_object();
  return out;
}

Result<EmbeddingAnswer> decode_openai_embeddings_response(std::string_view body, std::size_t texts) {
  SUFFICE_TRY(const bj::object object, object_of(body));
  const bj::array* data = array_or_null(object, "data");
  if (data == nullptr || data->size() != texts)
    return fail(ErrorCode::ProtocolError, "the provider did not send one vector for each text");
  EmbeddingAnswer answer;
  answer.vectors.resize(texts);
  for (std::size_t i = 0; i < texts; ++i) {
    const bj::object* entry = (*data)[i].if_object();
    const bj::value* vector = entry == nullptr ? nullptr : find_member(*entry, "embedding");
    const std::int64_t index = entry == nullptr ? -1 : integer_or(*entry, "index", static_cast<std::int64_t>(i));
    if (vector == nullptr || index < 0 || static_cast<std::size_t>(index) >= texts)
      return fail(ErrorCode::ProtocolError, "the provider's answer holds something that is no vector");
    SUFFICE_TRY(answer.vectors[static_cast<std::size_t>(index)], vector_of(*vector));
  }
  SUFFICE_TRY_VOID(check_vectors(answer, texts));
  answer.model = string_or_empty(object, "model");
  const bj::object* usage = object_or_null(object, "usage");
  const std::int64_t tokens = usage == nullptr ? -1 : integer_or(*usage, "prompt_tokens", -1);
  if (tokens >= 0) answer.usage = Usage{.input_tokens = tokens};
  return answer;
}

Result<EmbeddingRequest> decode_ollama_embed_request(std::string_view body, const JsonLimits& limits) {
  constexpr auto known =
      std::to_array<std::string_view>({"model", "input", "truncate", "options", "keep_alive", "dimensions"});
  JsonArena arena;
  SUFFICE_TRY(const bj::value value, parse_json(body, limits, arena.storage()));
  const JsonPath root;
  const bj::object* object = value.if_object();
  if (object == nullptr) return malformed(root, "the body must be a JSON object");
  bool truncate = false;
  SUFFICE_TRY_VOID(read_member(*object, "truncate", root, truncate));
  if (truncate) return unsupported(root.member("truncate"), "nothing is ever cut here: send false, or leave it out");
  SUFFICE_TRY(const bj::object* options, read_object(*object, "options", root));
  if (options != nullptr && !options->empty())
    return unsupported(root.member("options"), "a model's options come from the policy");
  return decode_common(*object, root, known);
}

std::string encode_ollama_embed_response(const EmbeddingAnswer& answer, std::string_view model,
                                         std::int64_t duration_ns) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("model", model).key("embeddings").begin_array();
  for (const std::vector<float>& vector : answer.vectors) {
    std::string numbers;
    append_numbers(numbers, vector);
    json.raw(numbers);
  }
  json.end_array().field("total_duration", duration_ns).field("load_duration", 0);
  json.field("prompt_eval_count", answer.usage ? answer.usage->input_tokens : 0).end_object();
  return out;
}

std::string encode_ollama_embed_request(const EmbeddingRequest& request) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("model", request.model).key("input").begin_array();
  for (const std::string& text : request.texts) json.string(text);
  json.end_array().field("truncate", false);
  if (request.dimensions) json.field("dimensions", *request.dimensions);
  json.end_object();
  return out;
}

Result<EmbeddingAnswer> decode_ollama_embed_response(std::string_view body, std::size_t texts) {
  SUFFICE_TRY(const bj::object object, object_of(body));
  const bj::array* vectors = array_or_null(object, "embeddings");
  EmbeddingAnswer answer;
  for (std::size_t i = 0; vectors != nullptr && i < vectors->size(); ++i) {
    SUFFICE_TRY(std::vector<float> vector, vector_of((*vectors)[i]));
    answer.vectors.push_back(std::move(vector));
  }
  SUFFICE_TRY_VOID(check_vectors(answer, texts));
  answer.model = string_or_empty(object, "model");
  const std::int64_t tokens = integer_or(object, "prompt_eval_count", -1);
  if (tokens >= 0) answer.usage = Usage{.input_tokens = tokens};
  return answer;
}

}  // namespace suffice::wire
