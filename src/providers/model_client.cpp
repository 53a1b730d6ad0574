#include "providers/model_client.hpp"

namespace suffice::providers {

Task<Result<std::int64_t>> ModelClient::count_tokens(const ModelCall& /*call*/, Deadline /*deadline*/) {
  co_return fail(ErrorCode::UnsupportedField, "this model's tokens cannot be counted without asking it");
}

}  // namespace suffice::providers
