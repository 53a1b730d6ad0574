#pragma once
// Labelling answers with single keys: what a key does and what is shown, without a terminal.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lab/operate/operate_report.hpp"
#include "lab/operate/review.hpp"

namespace suffice::lab {

/// Whether the reviewer sees where an answer came from. Blind: neither model, confidence, threshold nor why it was chosen, so that a label
/// says something of the answer and not of the number beside it.
enum class Blind : std::uint8_t { No, Yes };

struct SessionOptions {
  std::string reviewer = {};
  Blind blind = Blind::No;
  std::map<std::string, std::vector<std::string>> labels = {};  ///< of each task, for the keys 1 to 9
};

/// What has to be done after a key.
struct SessionEffect {
  enum class Kind : std::uint8_t { None, Record, TakeBack, Quit };
  Kind kind = Kind::None;
  std::size_t item = 0;  ///< of ReviewBook::items
  ReviewLabel label = ReviewLabel::Accept;
  std::string value = {};
};

/// One reviewer's way through a queue. One thread; `book` must outlive it.
class ReviewSession {
 public:
  ReviewSession(const ReviewBook& book, std::vector<QueueEntry> queue, SessionOptions options);

  /// a: accepting was right. e: it should have escalated. 1 to 9: this label is right (and so was accepting, if it was answered). u: take the last
  /// label back. j, k: on and back. ?: help. q: quit. Other keys do nothing.
  [[nodiscard]] SessionEffect key(char pressed);
  /// What to show, ending in a line end; `width` in columns.
  [[nodiscard]] std::string screen(Colours colours, std::size_t width) const;
  [[nodiscard]] std::size_t labelled() const { return given_.size(); }
  [[nodiscard]] bool at_end() const { return at_ >= queue_.size(); }

 private:
  struct Given {
    ReviewLabel label = ReviewLabel::Accept;
    std::string value = {};
  };
  [[nodiscard]] const ReviewItem& item() const { return book_.items[queue_[at_].item]; }
  [[nodiscard]] const std::vector<std::string>* task_labels() const;
  SessionEffect give(ReviewLabel label, std::string value);
  SessionEffect give_number(std::size_t number);
  SessionEffect undo();

  const ReviewBook& book_;
  std::vector<QueueEntry> queue_;
  SessionOptions options_;
  std::size_t at_ = 0;
  std::map<std::size_t, Given> given_ = {};  ///< by place in the queue
  std::vector<std::size_t> order_ = {};      ///< places, as they were labelled
  bool help_ = false;
};

}  // namespace suffice::lab
