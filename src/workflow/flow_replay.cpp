// What a run writes to its journal, and how it goes on from one.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "workflow/flow_engine.hpp"

namespace suffice::workflow {

using Kind = FlowEvent::Kind;

namespace {

std::unexpected<Error> does_not_fit(std::uint64_t step, std::string_view why) {
  return fail(ErrorCode::ChainBroken, fmt::format("step {} of the journal does not fit the workflow: {}", step, why));
}

}  // namespace

Result<void> FlowEngine::replay(const FlowMessage& input) {
  Journal* journal = options_.journal;
  if (journal != nullptr && journal->header().shape != flow_.shape()) {
    return fail(ErrorCode::InvalidArgument, "the workflow has changed since this run began; start a new one",
                flow_.name());
  }
  if (journal != nullptr && journal->header().input_sha256 != digest_of(input)) {
    return fail(ErrorCode::InvalidArgument, "the journal is of a run with another input", flow_.name());
  }
  SUFFICE_TRY_VOID(machine_.begin(input));
  if (journal == nullptr) return {};
  for (;;) {
    SUFFICE_TRY(std::optional<JournalRecord> record, journal->next());
    if (!record) break;
    for (ModelUse& use : record->used) {
      const auto known = std::ranges::find(written_use_, use.model, &ModelUse::model);
      if (known == written_use_.end()) {
        written_use_.push_back(std::move(use));
      } else {
        *known = std::move(use);
      }
    }
    SUFFICE_TRY_VOID(replay(*std::move(record)));
  }
  ledger_.carry_over(written_use_);
  return {};
}

Result<void> FlowEngine::replay(JournalRecord record) {
  using Record = JournalRecord::Kind;
  journal_has_end_ = record.kind == Record::End;
  if (journal_has_end_) return {};
  const auto due = machine_.due().find(record.step);
  if (due == machine_.due().end()) return does_not_fit(record.step, "it was not due");
  const FlowItem& item = due->second;
  if (executor_name(item.node) != record.executor) {
    return does_not_fit(record.step,
                        fmt::format("it is '{}' here, '{}' there", executor_name(item.node), record.executor));
  }
  if (short_digest_of(item.input) != record.input) return does_not_fit(record.step, "its input was another");
  if (record.kind == Record::Checkpoint) {
    checkpoints_[record.step] = std::move(record.output.body);
    return {};
  }
  checkpoints_.erase(record.step);
  ++replayed_;
  if (options_.on_event) {
    options_.on_event(FlowEvent{.kind = Kind::ExecutorReplayed,
                                .step = record.step,
                                .executor = executor_name(item.node),
                                .to = {},
                                .text = record.output.type});
  }
  if (record.kind == Record::Failure) {
    Error error{.code = static_cast<ErrorCode>(record.error_code),
                .message = std::move(record.error_message),
                .where = std::move(record.error_where)};
    return machine_.fail_step(record.step, std::move(error));
  }
  for (auto& [key, value] : record.state) state_[key] = std::move(value);
  return machine_.complete(record.step, std::move(record.output));
}

Result<void> FlowEngine::keep_failure(Step& step, const Error& error) {
  JournalRecord record{.kind = JournalRecord::Kind::Failure};
  record.error_code = static_cast<std::uint16_t>(error.code);
  record.error_message = error.message;
  record.error_where = error.where;
  return write(std::move(record), &step);
}

Result<void> FlowEngine::checkpoint(Step& step, JsonText progress) {
  JournalRecord record{.kind = JournalRecord::Kind::Checkpoint};
  record.output.body = std::move(progress);
  return write(std::move(record), &step);
}

Result<void> FlowEngine::write(JournalRecord record, const Step* step) {
  if (options_.journal == nullptr) return {};
  if (step != nullptr) {
    record.step = step->item.step;
    record.executor = executor_name(step->item.node);
    record.input = step->input_digest;
  }
  record.used = changed_use();
  SUFFICE_TRY_VOID(options_.journal->append(record));
  journal_has_end_ = record.kind == JournalRecord::Kind::End;
  if (step != nullptr) tell(Kind::Checkpoint, *step);
  return {};
}

std::vector<ModelUse> FlowEngine::changed_use() {
  std::vector<ModelUse> changed;
  const std::vector<ModelUse>& now = ledger_.used();
  for (const ModelUse& use : now) {
    if (std::ranges::find(written_use_, use) == written_use_.end()) changed.push_back(use);
  }
  if (!changed.empty()) written_use_ = now;
  return changed;
}

/// For people who list runs; a run that is resumed goes on behind it. What cannot be written here is no reason to lose an answer.
void FlowEngine::write_end(const Result<void>& ended) {
  if (options_.journal == nullptr) return;
  if (journal_has_end_ && ended) return;  // replayed whole: nothing new to say
  JournalRecord record{.kind = JournalRecord::Kind::End};
  if (!ended) {
    record.error_code = static_cast<std::uint16_t>(ended.error().code);
    record.error_message = ended.error().message;
    record.error_where = ended.error().where;
  }
  if (write(std::move(record), nullptr)) static_cast<void>(options_.journal->sync());
}

}  // namespace suffice::workflow
