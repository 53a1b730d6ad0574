#pragma once
// The question that a run was asked, and the document it was asked of.

#include <string>

#include "core/result.hpp"
#include "workflow/documents/document.hpp"
#include "workflow/flow.hpp"
#include "workflow/flow_run.hpp"

namespace suffice::workflow::minions {

/// Immutable; in the run's state, so that every step finds it and it is written once.
struct Question {
  std::string query;
  Document document;

  /// A request (flow_io.hpp); several documents are read as one. InvalidArgument without a question or a document, Document::create()'s
  /// errors.
  static Result<Question> read(const FlowMessage& message, const DocumentLimits& limits);
  [[nodiscard]] FlowMessage message() const;

  void keep(FlowRun& run) const;
  /// What keep() kept in an earlier step.
  static Result<Question> of(const FlowRun& run);
};

}  // namespace suffice::workflow::minions
