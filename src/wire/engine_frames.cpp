#include "wire/engine_frames.hpp"

#include <bit>
#include <concepts>
#include <type_traits>
#include <utility>

namespace suffice::wire {
namespace {

// The layout of each type, once for both directions: `a(x, y)` writes or reads x, then y.

template <class A>
void layout(A& a, EngineHello& f) {
  a(f.protocol_version);
}
template <class A>
void layout(A& a, EngineAdapterFacts& f) {
  a(f.name, f.sha256, f.rank, f.parameters, f.load_us);
}
template <class A>
void layout(A& a, EngineFacts& f) {
  a(f.name, f.architecture, f.quantisation, f.chat_template, f.sha256, f.backend, f.parameters, f.file_bytes,
    f.context_length, f.trained_context_length, f.vocabulary, f.contexts, f.threads, f.sequences, f.embedding_length,
    f.writes_text, f.adapters, f.sandbox);
}
template <class A>
void layout(A& a, EngineReady& f) {
  a(f.protocol_version, f.facts);
}
template <class A>
void layout(A& a, EngineMessage& f) {
  a(f.role, f.text);
}
template <class A>
void layout(A& a, EngineTool& f) {
  a(f.name, f.parameters);
}
template <class A>
void layout(A& a, EngineConstraint& f) {
  a.enumerator(f.kind, EngineConstraint::Kind::Regex);
  a(f.labels, f.text, f.tools, f.call_required, f.one_call);
}
template <class A>
void layout(A& a, Sampling& f) {
  a(f.temperature, f.top_p, f.presence_penalty, f.frequency_penalty, f.max_tokens, f.seed, f.stop);
}
template <class A>
void layout(A& a, EngineAdapterUse& f) {
  a(f.name, f.scale);
}
template <class A>
void layout(A& a, EngineAbort& f) {
  a(f.min_token_probability, f.min_mean_probability, f.text_bytes_max);
}
template <class A>
void layout(A& a, EngineCall& f) {
  a(f.id, f.task, f.deadline_us, f.adapters, f.messages, f.sampling, f.constraint, f.want_logprobs, f.top_logprobs,
    f.stream, f.samples, f.abort, f.ignore_end);
}
template <class A>
void layout(A& a, EngineEmbed& f) {
  a(f.id, f.task, f.deadline_us, f.adapters, f.texts);
  a.enumerator(f.pooling, EngineEmbed::Pooling::Last);
  a(f.normalise);
}
template <class A>
void layout(A& a, EngineAdapterOrder& f) {
  a(f.id);
  a.enumerator(f.action, EngineAdapterOrder::Action::Unload);
  a(f.name, f.path);
}
template <class A>
void layout(A& a, EngineCount& f) {
  a(f.id, f.task, f.deadline_us, f.messages);
}
template <class A>
void layout(A& a, EngineCounted& f) {
  a(f.id, f.tokens);
}
template <class A>
void layout(A& a, EngineAdapters& f) {
  a(f.id, f.adapters);
}
template <class A>
void layout(A& a, EngineCancel& f) {
  a(f.id);
}
template <class A>
void layout(A& a, TokenLogprob::Alternative& f) {
  a(f.token, f.logprob);
}
template <class A>
void layout(A& a, TokenLogprob& f) {
  a(f.token, f.logprob, f.top);
}
template <class A>
void layout(A& a, EngineDelta& f) {
  a(f.id, f.text, f.logprobs);
}
template <class A>
void layout(A& a, Usage& f) {
  a(f.input_tokens, f.cached_input_tokens, f.output_tokens, f.reasoning_tokens);
}
template <class A>
void layout(A& a, EngineEmbedded& f) {
  a(f.id, f.vectors);
  a.enumerator(f.pooling, EngineEmbed::Pooling::Last);
  a(f.usage, f.queue_us, f.compute_us);
}
template <class A>
void layout(A& a, LabelDistribution::Entry& f) {
  a(f.label, f.probability);
}
template <class A>
void layout(A& a, LabelDistribution& f) {
  a(f.entries, f.outside_mass);
  a.enumerator(f.method, LabelDistribution::Method::OneVsRest);
}
template <class A>
void layout(A& a, EngineSample& f) {
  a(f.text);
  a.enumerator(f.finish, FinishReason::LowConfidence);
  a(f.mean_logprob);
}
template <class A>
void layout(A& a, EngineDone& f) {
  a(f.id, f.text);
  a.enumerator(f.finish, FinishReason::LowConfidence);
  a(f.usage, f.logprobs, f.labels, f.labels_unresolved, f.samples, f.agreement, f.queue_us, f.render_us, f.prefill_us,
    f.decode_us);
}
template <class A>
void layout(A& a, EngineFailure& f) {
  auto code = static_cast<std::uint16_t>(f.code);
  a(f.id, code, f.message, f.where);
  f.code = static_cast<ErrorCode>(code);
}
template <class A>
void layout(A& a, EnginePing& f) {
  a(f.nonce);
}
template <class A>
void layout(A& a, EnginePong& f) {
  a(f.nonce, f.progress, f.busy, f.queued, f.calls_done, f.calls_failed, f.input_tokens, f.cached_input_tokens,
    f.output_tokens, f.active, f.calls_expired, f.calls_cancelled, f.calls_given_up, f.prefix_hits, f.prefix_misses,
    f.label_list_hits, f.label_list_misses, f.decode_steps, f.decode_tokens, f.adapter_switches, f.texts_embedded);
}
template <class A>
void layout(A& a, EngineLog& f) {
  a.enumerator(f.level, EngineLog::Level::Error);
  a(f.text);
}

template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;

class Writer {
 public:
  template <class... Fields>
  void operator()(Fields&... fields) {
    (write(fields), ...);
  }
  template <class E>
  void enumerator(E& value, E /*last*/) {
    bytes.push_back(static_cast<char>(value));
  }

  std::string bytes;
  bool too_large = false;

 private:
  template <Number T>
  void write(T value) {
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes.push_back(static_cast<char>(bits & 0xffU));
      if constexpr (sizeof(T) > 1) bits = static_cast<std::make_unsigned_t<T>>(bits >> 8);
    }
  }
  void write(bool value) { bytes.push_back(value ? 1 : 0); }
  void write(double value) { write(std::bit_cast<std::uint64_t>(value)); }
  void write(float value) { write(std::bit_cast<std::uint32_t>(value)); }
  void write(std::string& text) {
    if (text.size() > kEngineFrameBytesMax) {
      too_large = true;
      return;
    }
    write(static_cast<std::uint32_t>(text.size()));
    bytes.append(text);
  }
  template <class T>
  void write(std::vector<T>& items) {
    if (items.size() > kEngineListItemsMax) {
      too_large = true;
      return;
    }
    write(static_cast<std::uint32_t>(items.size()));
    for (T& item : items) write(item);
  }
  template <class T>
  void write(std::optional<T>& value) {
    write(value.has_value());
    if (value) write(*value);
  }
  template <class T>
    requires std::is_class_v<T>
  void write(T& value) {
    layout(*this, value);
  }
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (read(fields), ...);
  }
  template <class E>
  void enumerator(E& value, E last) {
    std::uint8_t raw = 0;
    read(raw);
    if (raw > static_cast<std::uint8_t>(last)) {
      ok_ = false;
      return;
    }
    value = static_cast<E>(raw);
  }
  /// Whether everything was there and nothing is left over.
  [[nodiscard]] bool complete() const { return ok_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t count) {
    if (!ok_ || rest_.size() < count) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  template <Number T>
  void read(T& value) {
    const std::string_view raw = take(sizeof(T));
    std::uint64_t bits = 0;
    for (std::size_t i = raw.size(); i-- > 0;) bits = (bits << 8) | static_cast<std::uint8_t>(raw[i]);
    value = static_cast<T>(bits);
  }
  void read(bool& value) {
    std::uint8_t raw = 0;
    read(raw);
    if (raw > 1) ok_ = false;
    value = raw == 1;
  }
  void read(double& value) {
    std::uint64_t bits = 0;
    read(bits);
    value = std::bit_cast<double>(bits);
  }
  void read(float& value) {
    std::uint32_t bits = 0;
    read(bits);
    value = std::bit_cast<float>(bits);
  }
  void read(std::string& text) {
    std::uint32_t size = 0;
    read(size);
    text = take(size);
  }
  template <class T>
  void read(std::vector<T>& items) {
    std::uint32_t count = 0;
    read(count);
    if (count > kEngineListItemsMax) ok_ = false;
    items.clear();
    for (std::uint32_t i = 0; ok_ && i < count; ++i) read(items.emplace_back());
  }
  template <class T>
  void read(std::optional<T>& value) {
    bool present = false;
    read(present);
    value.reset();
    if (ok_ && present) read(value.emplace());
  }
  template <class T>
    requires std::is_class_v<T>
  void read(T& value) {
    layout(*this, value);
  }

  std::string_view rest_;
  bool ok_ = true;
};

template <std::size_t... I>
bool read_payload(std::size_t type, Reader& reader, EngineFrame& frame, std::index_sequence<I...> /*types*/) {
  return ((type == I + 1 && (layout(reader, frame.emplace<I>()), true)) || ...);
}

std::uint32_t read_length(std::string_view bytes) {
  std::uint32_t length = 0;
  for (std::size_t i = 4; i-- > 0;) length = (length << 8) | static_cast<std::uint8_t>(bytes[i]);
  return length;
}

constexpr std::size_t kLengthBytes = 4;

}  // namespace

Result<std::string> encode(const EngineFrame& frame) {
  Writer writer;
  writer.bytes.assign(kLengthBytes, '\0');
  writer.bytes.push_back(static_cast<char>(frame.index() + 1));
  // The layouts take references that can be read into; writing leaves the frame as it is.
  std::visit(
      [&](const auto& alternative) {
        layout(writer, const_cast<std::remove_cvref_t<decltype(alternative)>&>(alternative));
      },
      frame);
  const std::size_t length = writer.bytes.size() - kLengthBytes;
  if (writer.too_large || length > kEngineFrameBytesMax) {
    return fail(ErrorCode::PayloadTooLarge, "the call is too large for the engine: at most " +
                                                std::to_string(kEngineFrameBytesMax >> 20) + " MiB and " +
                                                std::to_string(kEngineListItemsMax) + " items of a list");
  }
  for (std::size_t i = 0; i < kLengthBytes; ++i) writer.bytes[i] = static_cast<char>((length >> (8 * i)) & 0xffU);
  return std::move(writer.bytes);
}

Result<std::optional<EngineFrame>> EngineFrameDecoder::next() {
  const auto broken = [this](const char* what) {
    broken_ = true;
    return fail(ErrorCode::ProtocolError, what);
  };
  if (broken_) return broken("the engine's frames are broken since an earlier one");
  const std::string_view unread = std::string_view(buffer_).substr(start_);
  if (unread.size() < kLengthBytes) return std::nullopt;
  const std::uint32_t length = read_length(unread);
  if (length == 0 || length > kEngineFrameBytesMax) return broken("an engine frame has an impossible length");
  if (unread.size() - kLengthBytes < length) return std::nullopt;

  const std::string_view body = unread.substr(kLengthBytes, length);
  EngineFrame frame;
  Reader reader(body.substr(1));
  const auto type = static_cast<std::uint8_t>(body[0]);
  if (!read_payload(type, reader, frame, std::make_index_sequence<std::variant_size_v<EngineFrame>>{})) {
    return broken("an engine frame has an unknown type");
  }
  if (!reader.complete()) return broken("an engine frame does not have the layout of its type");

  start_ += kLengthBytes + length;
  if (start_ == buffer_.size()) {
    buffer_.clear();
    start_ = 0;
  } else if (start_ > 65'536) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
  return frame;
}

}  // namespace suffice::wire
