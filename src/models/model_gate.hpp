#pragma once
// May this file be loaded? Model files are hostile input: what nobody has allowed is refused (docs/decisions/0012).

#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "models/model_store.hpp"

namespace suffice::models {

/// What a policy says of one embedded model.
struct ModelRequest {
  std::string name;    ///< the policy's, for messages
  std::string file;    ///< a path, or "store:NAME"
  std::string sha256;  ///< the only digest that will do; empty: any that is allowed
  std::vector<std::string> allowed;
  bool trust = false;
};

struct AllowedModel {
  std::string path;
  std::string sha256;  ///< what the engine must find when it opens the file; empty when the file is trusted unseen
};

/// The prefix of a name in the model store.
inline constexpr std::string_view kStoreName = "store:";

/// Looks at the file (read_gguf_file) and says where it is and what it must be, when it may be loaded: it is pinned and is that
/// file; or its digest is among `allowed` or in the store; or it is trusted. The caller must have the engine compare the digest of
/// what it opened: a file can be replaced after it was looked at.
///
/// ModelInvalid: damaged, another file than the pinned one, or not allowed, with what to do. NotFound: no such name in the store.
/// Reads the whole file to digest it, unless it is trusted: not for an I/O thread.
[[nodiscard]] Result<AllowedModel> admit_model(const ModelRequest& request, const ModelStore& store);

}  // namespace suffice::models
