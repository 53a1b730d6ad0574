#pragma once
// What a provider's error means, for every dialect. For the decoders of this folder.

#include <string>
#include <string_view>

#include "core/result.hpp"

namespace suffice::wire {

/// The parts of a provider's error body; empty when absent.
struct ProviderFault {
  int status = 0;  ///< HTTP status; 0 for an error event inside a stream
  std::string_view type;
  std::string_view code;
  std::string_view message;
};

/// Error with the code that the pipeline decides on and a message that is safe to show: the provider's type and code where they are
/// plain words, its sentence only where it is short and shows no sign of quoting the request or a key. Pure; any thread.
[[nodiscard]] Error classify_provider_fault(const ProviderFault& fault);

/// `message` with everything that looks like a key masked, or nothing when it is long, quotes something or has control characters.
[[nodiscard]] std::string safe_provider_message(std::string_view message);

}  // namespace suffice::wire
