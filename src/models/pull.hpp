#pragma once
// Fetches a model file from a hub into the store: what was fetched is kept over a cut, and nothing enters unchecked.

#include <cstdint>
#include <functional>
#include <string>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "models/hub.hpp"
#include "models/model_store.hpp"
#include "net/http_client.hpp"
#include "net/task.hpp"

namespace suffice::models {

struct PullRequest {
  HubFile file;
  std::string name;    ///< in the store
  std::string token;   ///< goes to the hub's own origin only, over every redirect; empty: none
  std::string sha256;  ///< that the file must have; empty: the hub's own word for it
};

struct PullProgress {
  std::uint64_t done = 0;   ///< bytes of the file that are here
  std::uint64_t total = 0;  ///< 0: not known yet
  bool checking = false;    ///< all are here, and are being digested
};

/// One file. Follows at most five redirects, none from https to http. Goes on where an earlier pull of the same URL was cut, when the
/// server says that it still serves the same bytes (Range with If-Range, RFC 9110, 13.1.5 and 14.2); begins again when it does not.
///
/// The SHA-256 comes from `sha256`, else from the hub (X-Linked-ETag, or an ETag that is one); without either nothing is fetched. A file
/// with another digest is deleted: ModelInvalid. After ConnectionClosed, IdleTimeout, IoFailed (a full disk) and Cancelled the part stays
/// in the store's partial/ for the next pull. NotFound, UpstreamUnauthorized: the hub's refusals, with what to do. Overloaded: another
/// process pulls the same file.
///
/// What is passed by reference outlives the await; `report` may be empty. Writes to disk and digests where it runs: for a command, not for an I/O thread that serves.
[[nodiscard]] Task<Result<StoredModel>> pull(const PullRequest& request, const ModelStore& store, net::HttpClient& http,
                                             const Clock& clock, std::function<void(const PullProgress&)> report);

}  // namespace suffice::models
