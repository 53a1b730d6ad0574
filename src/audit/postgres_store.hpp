#pragma once
// PostgresStore: the record in a PostgreSQL database (14 or newer), for several gateways at once.

#include <chrono>
#include <memory>
#include <string>

#include "audit/store.hpp"
#include "core/result.hpp"

namespace suffice::audit {

struct PostgresOptions {
  std::chrono::milliseconds connect_limit{5'000};
  std::chrono::milliseconds write_limit{
      10'000};  ///< longest an append waits for one answer, another writer's turn included
  std::chrono::milliseconds read_limit{60'000};  ///< longest a reader waits for its next rows
  std::chrono::milliseconds prune_lock_limit{
      2'000};  ///< longest prune() waits for readers; appends wait behind it meanwhile
};

/// Opens the record in the database of `url` (postgres://USER@HOST:PORT/DATABASE), creates or upgrades its schema `suffice`.
///
/// Any number of stores in any number of processes may append to one database: one after the other, into one chain (decisions/0029).
/// An event is durable when its transaction is committed and the server's synchronous_commit is on, which this session insists on.
/// After a failure the next call connects anew. ConfigInvalid for a bad URL or a newer schema, StoreFailed when the server does not answer.
[[nodiscard]] Result<std::unique_ptr<AuditStore>> open_postgres_store(const std::string& url,
                                                                      const PostgresOptions& options = {});

/// Opens an existing record for reading only. NotFound when the database holds none, or the errors above.
[[nodiscard]] Result<std::unique_ptr<AuditReader>> open_postgres_reader(const std::string& url,
                                                                        const PostgresOptions& options = {});

}  // namespace suffice::audit
