#include "engine/llama/model.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

#include <llama.h>

#include "core/text.hpp"
#include "engine/llama/grammar.hpp"
#include "engine/llama/library.hpp"
#include "engine/llama/mapped_file.hpp"

namespace suffice::engine {
namespace {

std::string metadata(const llama_model* model, const char* key) {
  char buffer[256] = "";
  const int size = llama_model_meta_val_str(model, key, buffer, sizeof buffer);
  return size < 0 ? std::string() : std::string(buffer);
}

/// Of the file's <architecture>.pooling_type: 1 mean, 2 cls, 3 last (llama.h); 0 and 4 (a classifier's) pool nothing.
wire::EngineEmbed::Pooling pooling_named(const std::string& number) {
  using Pooling = wire::EngineEmbed::Pooling;
  if (number == "2") return Pooling::Cls;
  if (number == "3") return Pooling::Last;
  return Pooling::Mean;
}

std::optional<std::string> apply_template(const std::string& jinja, const std::vector<wire::EngineMessage>& messages) {
  std::vector<llama_chat_message> chat;
  std::size_t characters = 256;
  for (const wire::EngineMessage& message : messages) {
    chat.push_back({message.role.c_str(), message.text.c_str()});
    characters += 2 * (message.role.size() + message.text.size());
  }
  std::string out(characters, '\0');
  int size = llama_chat_apply_template(jinja.c_str(), chat.data(), chat.size(), true, out.data(),
                                       static_cast<int>(out.size()));
  if (size > static_cast<int>(out.size())) {
    out.resize(static_cast<std::size_t>(size));
    size = llama_chat_apply_template(jinja.c_str(), chat.data(), chat.size(), true, out.data(), size);
  }
  if (size < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(size));
  return out;
}

}  // namespace

Result<std::unique_ptr<Model>> Model::load(const std::string& path) {
  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = 0;
  params.check_tensors = true;
  llama_model* handle = llama_model_load_from_file(path.c_str(), params);
  if (handle == nullptr) {
    std::string why = first_library_error();
    return fail(ErrorCode::ModelInvalid, "the model cannot be loaded" + (why.empty() ? "" : ": " + why) +
                                             "; check that the file is a whole GGUF of a supported architecture");
  }
  if (!llama_model_has_decoder(handle) || llama_vocab_n_tokens(llama_model_get_vocab(handle)) <= 0) {
    llama_model_free(handle);
    return fail(ErrorCode::ModelInvalid, "the model cannot write text: it has no decoder or no vocabulary");
  }
  std::unique_ptr<Model> model(new Model(handle));
  const MappedFile file(path);
  model->facts_.sha256 = file.sha256();
  model->facts_.file_bytes = file.bytes().size();
  return model;
}

Model::Model(llama_model* model) : model_(model), vocab_(llama_model_get_vocab(model)) {
  facts_.name = metadata(model, "general.name");
  facts_.architecture = metadata(model, "general.architecture");
  facts_.quantisation = llama_ftype_name(llama_model_ftype(model));
  facts_.backend = std::string(trim(llama_print_system_info()));
  facts_.parameters = llama_model_n_params(model);
  facts_.trained_context_length = static_cast<std::uint32_t>(llama_model_n_ctx_train(model));
  facts_.embedding_length = static_cast<std::uint32_t>(llama_model_n_embd(model));
  // A model that looks both ways reads; it does not write.
  const std::string causal = metadata(model, (facts_.architecture + ".attention.causal").c_str());
  facts_.writes_text = causal != "false";
  pooling_ = pooling_named(metadata(model, (facts_.architecture + ".pooling_type").c_str()));
  facts_.vocabulary = static_cast<std::uint32_t>(llama_vocab_n_tokens(vocab_));

  const char* jinja = llama_model_chat_template(model, nullptr);
  facts_.chat_template = jinja == nullptr ? "chatml_assumed" : "chatml";
  if (jinja != nullptr && !is_chatml(jinja)) {
    // libllama knows a template by its text; one it does not know would be rendered by nobody.
    const bool known = apply_template(jinja, {{"user", "x"}}).has_value();
    facts_.chat_template = known ? "builtin" : "chatml_assumed";
    if (known) template_ = jinja;
  }
  const Token turn_end = llama_vocab_eot(vocab_);
  end_token_ = turn_end != LLAMA_TOKEN_NULL ? turn_end : llama_vocab_eos(vocab_);
}

Model::~Model() { llama_model_free(model_); }

std::vector<PromptPiece> Model::render(const std::vector<wire::EngineMessage>& messages) const {
  if (!template_.empty()) {
    const auto apply = [this](const std::vector<wire::EngineMessage>& masked) {
      return apply_template(template_, masked);
    };
    if (auto pieces = render_with(apply, messages)) return *std::move(pieces);
  }
  return render_chatml(messages);
}

PromptTokens Model::prompt(const std::vector<wire::EngineMessage>& messages) const {
  PromptTokens prompt;
  std::vector<Token>& out = prompt.tokens;
  if (llama_vocab_get_add_bos(vocab_)) out.push_back(llama_vocab_bos(vocab_));
  const std::size_t start = out.size();
  const std::vector<PromptPiece> pieces = render(messages);
  const auto is_text = [](const PromptPiece& piece) { return piece.from == PromptPiece::From::Text; };
  const auto last_text = std::ranges::find_if(pieces.rbegin(), pieces.rend(), is_text);
  for (auto piece = pieces.begin(); piece != pieces.end(); ++piece) {
    if (is_text(*piece)) prompt.before_last_text = out.size();
    if (last_text != pieces.rend() && piece == last_text.base() - 1) {
      append_tokens(piece->text, false, false, out);  // hardly ever the same again
    } else {
      append_known(*piece, out);
    }
  }
  // Some templates write the beginning-of-text token themselves.
  if (start == 1 && out.size() > 1 && out[0] == out[1]) {
    out.erase(out.begin());
    if (prompt.before_last_text > 0) --prompt.before_last_text;
  }
  return prompt;
}

void Model::append_known(const PromptPiece& piece, std::vector<Token>& out) const {
  constexpr std::size_t kPiecesMax = 512;
  constexpr std::size_t kPieceBytesMax = 8'192;
  const bool from_template = piece.from == PromptPiece::From::Template;
  if (piece.text.size() > kPieceBytesMax) return append_tokens(piece.text, from_template, false, out);
  const std::string key = (from_template ? 'T' : 'P') + piece.text;
  const std::lock_guard lock(known_mutex_);
  auto known = known_.find(key);
  if (known == known_.end()) {
    if (known_.size() >= kPiecesMax) known_.clear();
    std::vector<Token> tokens;
    append_tokens(piece.text, from_template, false, tokens);
    known = known_.emplace(key, std::move(tokens)).first;
  }
  out.insert(out.end(), known->second.begin(), known->second.end());
}

std::vector<Token> Model::tokens(std::string_view text) const {
  std::vector<Token> out;
  append_tokens(text, false, false, out);
  return out;
}

std::vector<Token> Model::text_tokens(std::string_view text) const {
  std::vector<Token> out;
  append_tokens(text, false, true, out);
  return out;
}

Result<std::unique_ptr<GrammarState>> Model::grammar(const std::string& gbnf) const {
  return LlamaGrammar::create(vocab_, gbnf);
}

void Model::append_tokens(std::string_view text, bool parse_special, bool add_special, std::vector<Token>& out) const {
  const std::size_t start = out.size();
  out.resize(start + text.size() + 2);
  const auto tokenise = [&] {
    return llama_tokenize(vocab_, text.data(), static_cast<std::int32_t>(text.size()), out.data() + start,
                          static_cast<std::int32_t>(out.size() - start), add_special, parse_special);
  };
  std::int32_t count = tokenise();
  if (count < 0 && count != INT32_MIN) {
    out.resize(start + static_cast<std::size_t>(-count));
    count = tokenise();
  }
  out.resize(start + static_cast<std::size_t>(count < 0 ? 0 : count));
}

std::string Model::piece(Token token) const {
  std::string out(32, '\0');
  std::int32_t size = llama_token_to_piece(vocab_, token, out.data(), static_cast<std::int32_t>(out.size()), 0, false);
  if (size < 0) {
    out.resize(static_cast<std::size_t>(-size));
    size = llama_token_to_piece(vocab_, token, out.data(), static_cast<std::int32_t>(out.size()), 0, false);
  }
  out.resize(static_cast<std::size_t>(size < 0 ? 0 : size));
  return out;
}

bool Model::ends(Token token) const { return llama_vocab_is_eog(vocab_, token); }

}  // namespace suffice::engine
