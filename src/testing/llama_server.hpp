#pragma once
// A real llama-server on a free port, where libllama's tools and a model are there.

#include <memory>
#include <string>
#include <sys/types.h>

#include "core/result.hpp"

namespace suffice::testing {

/// A child process, ended with this object.
class LlamaServer {
 public:
  /// The tools are looked for in SUFFICE_LLAMA_ROOT/bin, then where tools/fetch_llama puts them; the model is SUFFICE_TEST_MODEL, else
  /// the one that ships in models/. ModelUnavailable saying what is missing: a test then skips with that message.
  static Result<std::unique_ptr<LlamaServer>> start(std::int64_t context_tokens);
  ~LlamaServer();
  LlamaServer(const LlamaServer&) = delete;
  LlamaServer& operator=(const LlamaServer&) = delete;

  /// "http://127.0.0.1:PORT/v1"
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  LlamaServer(pid_t process, int output, std::string url) : process_(process), output_(output), url_(std::move(url)) {}
  pid_t process_;
  int output_;
  std::string url_;
};

}  // namespace suffice::testing
