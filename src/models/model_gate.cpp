#include "models/model_gate.hpp"

#include <algorithm>
#include <utility>

#include "models/gguf.hpp"
#include "models/model_file.hpp"

namespace suffice::models {
namespace {

std::unexpected<Error> refused(const std::string& what, const std::string& next, const std::string& path) {
  return fail(ErrorCode::ModelInvalid, what + "; " + next, path);
}

Result<AllowedModel> admit_stored(const ModelRequest& request, const ModelStore& store) {
  SUFFICE_TRY(const StoredModel stored, store.find(std::string_view(request.file).substr(kStoreName.size())));
  const std::string path = store.blob(stored.sha256).string();
  if (!request.sha256.empty() && request.sha256 != stored.sha256) {
    return refused("the store's " + stored.name + " is not the pinned file: its SHA-256 is " + stored.sha256,
                   "run `suffice models pin` if it is the one that is meant", path);
  }
  SUFFICE_TRY_VOID(read_gguf_file(path));
  SUFFICE_TRY(const ModelFile file, ModelFile::open(path));
  SUFFICE_TRY(const std::string digest, digest_of(file));
  if (digest == stored.sha256) return AllowedModel{.path = path, .sha256 = digest};
  return refused("the store's file is not what was added: its SHA-256 is " + digest,
                 "run `suffice models verify`, and add the file again", path);
}

}  // namespace

Result<AllowedModel> admit_model(const ModelRequest& request, const ModelStore& store) {
  if (request.file.starts_with(kStoreName)) return admit_stored(request, store);
  SUFFICE_TRY_VOID(read_gguf_file(request.file));
  if (request.trust) return AllowedModel{.path = request.file, .sha256 = {}};
  SUFFICE_TRY(const ModelFile file, ModelFile::open(request.file));
  SUFFICE_TRY(std::string digest, digest_of(file));
  if (!request.sha256.empty() && digest != request.sha256) {
    return refused("the model file is not the pinned one: its SHA-256 is " + digest,
                   "restore the file, or run `suffice models pin` if the new one is meant", request.file);
  }
  bool allowed = !request.sha256.empty() || std::ranges::find(request.allowed, digest) != request.allowed.end();
  if (!allowed) {
    SUFFICE_TRY(allowed, store.holds(digest));
  }
  if (allowed) return AllowedModel{.path = request.file, .sha256 = std::move(digest)};
  return refused(
      "nobody has allowed this model file; its SHA-256 is " + digest,
      "if you trust where it comes from, run `suffice models pin` (writes sha256 into the policy), list it under "
      "allowed_models, or say trust: yes for models." +
          request.name,
      request.file);
}

}  // namespace suffice::models
