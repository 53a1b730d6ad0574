#pragma once
// Which LoRA adapter acts on a model, and how strongly.

#include <string>

namespace suffice {

struct AdapterUse {
  std::string name;  ///< as the policy's model lists it
  double scale = 1;  ///< 1 is as it was trained, 0 not at all
  bool operator==(const AdapterUse&) const = default;
};

}  // namespace suffice
