#pragma once
// One request on its way through the gateway. Internal to gateway*.cpp.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/gateway.hpp"

namespace suffice::pipeline {

struct Gateway::Work {
  const Request& request;
  std::shared_ptr<const Snapshot> snapshot;
  const policy::AccessKey* key = nullptr;  ///< of the snapshot's policy; null when it has no keys
  Admitted admitted;
  Planned planned;
  workflow::CascadeRun run;
  Decision decision;
  std::optional<Completion> completion;
  std::string output_sha256 = {};  ///< of the completion's text, where the cascade had it
  std::optional<Error> error;
  bool begun = false;                            ///< the sink saw on_begin
  std::optional<std::int64_t> tokens_used = {};  ///< by a workflow; the cascade's are in its attempts
};

}  // namespace suffice::pipeline
