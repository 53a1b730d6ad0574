#pragma once
// A linear classifier (learned/linear_classifier.hpp) as a tier: labels in microseconds, no engine, no network.

#include <memory>

#include "core/result.hpp"
#include "policy/policy.hpp"
#include "providers/model_client.hpp"

namespace suffice::providers {

/// Loads the file named by model.model. The errors of LinearClassifier::load, and ModelInvalid when model.sha256 is another file's.
///
/// A call is answered with the most probable label of call.constraint.labels (of all its labels without a constraint) for the last user
/// message, and with the distribution over those labels; `outside_mass` is the probability that none of the file's labels is right.
/// UnsupportedField for a JSON Schema, a label that the file does not have, or tools.
[[nodiscard]] Result<std::unique_ptr<ModelClient>> make_classifier_client(const policy::Model& model);

}  // namespace suffice::providers
