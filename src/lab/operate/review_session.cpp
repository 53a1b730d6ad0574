#include "lab/operate/review_session.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/text.hpp"

namespace suffice::lab {
namespace {

constexpr std::string_view kHelp =
    "  a      accepting this answer was right\n"
    "  e      it should have escalated\n"
    "  1..9   this label is the right one; accepting was right if it is what was answered\n"
    "  u      take the last label back\n"
    "  j  k   next, previous\n"
    "  ?      this help\n"
    "  q      quit; every label is in the record already\n";

std::string painted(std::string_view text, std::string_view ansi, Colours colours) {
  return colours == Colours::On ? fmt::format("\x1b[{}m{}\x1b[0m", ansi, text) : std::string(text);
}

/// Control characters and line ends become spaces: what is shown came from strangers and must not steer a terminal.
std::string harmless(std::string_view text) {
  std::string shown;
  for (const char c : text) shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  // The 8-bit control characters, U+0080 to U+009F.
  for (std::size_t at = shown.find('\xc2'); at != std::string::npos; at = shown.find('\xc2', at + 1)) {
    if (at + 1 < shown.size() && static_cast<unsigned char>(shown[at + 1]) < 0xa0) shown.replace(at, 2, " ");
  }
  return shown;
}

/// Broken at `width` code points, every line set in by two.
std::string wrapped(std::string_view text, std::size_t width) {
  const std::size_t room = std::max<std::size_t>(20, width) - 2;
  const std::string clean = harmless(text);
  std::string_view rest = clean;
  std::string lines;
  while (!rest.empty()) {
    const std::string_view line = first_code_points(rest, room);
    lines.append("  ").append(line).append("\n");
    rest.remove_prefix(line.size());
  }
  return lines.empty() ? "  (empty)\n" : lines;
}

bool same_answer(std::string_view one, std::string_view other) {
  return fold_case(trim(one)) == fold_case(trim(other));
}

}  // namespace

ReviewSession::ReviewSession(const ReviewBook& book, std::vector<QueueEntry> queue, SessionOptions options)
    : book_(book), queue_(std::move(queue)), options_(std::move(options)) {}

const std::vector<std::string>* ReviewSession::task_labels() const {
  const auto found = options_.labels.find(item().task);
  return found == options_.labels.end() ? nullptr : &found->second;
}

SessionEffect ReviewSession::give(ReviewLabel label, std::string value) {
  if (at_end()) return {};
  SessionEffect effect{.kind = SessionEffect::Kind::Record, .item = queue_[at_].item, .label = label, .value = value};
  given_[at_] = {.label = label, .value = std::move(value)};
  order_.push_back(at_);
  ++at_;
  return effect;
}

SessionEffect ReviewSession::give_number(std::size_t number) {
  if (at_end()) return {};
  const std::vector<std::string>* labels = task_labels();
  if (labels == nullptr || number > labels->size()) return {};
  const std::string& value = (*labels)[number - 1];
  return give(same_answer(value, item().output.preview) ? ReviewLabel::Accept : ReviewLabel::Escalate, value);
}

SessionEffect ReviewSession::undo() {
  if (order_.empty()) return {};
  at_ = order_.back();
  order_.pop_back();
  given_.erase(at_);
  // Labelled twice on the way: the earlier label of the same answer is gone as well, as the record keeps one word a reviewer.
  std::erase(order_, at_);
  return {.kind = SessionEffect::Kind::TakeBack, .item = queue_[at_].item};
}

SessionEffect ReviewSession::key(char pressed) {
  const bool help = std::exchange(help_, false);
  switch (pressed) {
    case 'a':
      return give(ReviewLabel::Accept, "");
    case 'e':
      return give(ReviewLabel::Escalate, "");
    case 'u':
      return undo();
    case 'j':
      at_ = std::min(at_ + 1, queue_.size());
      return {};
    case 'k':
      at_ = at_ > 0 ? at_ - 1 : 0;
      return {};
    case '?':
      help_ = !help;
      return {};
    case 'q':
      return {.kind = SessionEffect::Kind::Quit};
    default:
      break;
  }
  if (pressed >= '1' && pressed <= '9') return give_number(static_cast<std::size_t>(pressed - '0'));
  return {};
}

std::string ReviewSession::screen(Colours colours, std::size_t width) const {
  const std::string counted = fmt::format("{} labelled by {}", given_.size(), harmless(options_.reviewer));
  if (help_) return std::string(kHelp);
  if (at_end())
    return fmt::format("{}: the queue of {} is at its end, {}.  k back, u undo, q quit\n",
                       painted("Done", "32", colours), queue_.size(), counted);
  const ReviewItem& one = item();
  std::string text = painted(fmt::format("{} of {}   {}", at_ + 1, queue_.size(), harmless(one.task)), "1", colours);
  text += fmt::format("   {}   {}\n\n", counted, options_.blind == Blind::Yes ? "blind" : one.event_id);
  text += fmt::format("Input, {} bytes, redacted beginning:\n{}", one.input.bytes, wrapped(one.input.preview, width));
  text +=
      fmt::format("Answer, {} bytes:\n{}", one.output.bytes, painted(wrapped(one.output.preview, width), "1", colours));
  if (options_.blind == Blind::No) {
    text += fmt::format("\n{}", harmless(one.model));
    if (one.confidence) text += fmt::format(", confidence {:.3f}", *one.confidence);
    if (one.threshold) text += fmt::format(", threshold {:.3f}", *one.threshold);
    text += queue_[at_].sampled ? ", of the random sample\n" : "\n";
    for (const std::string& why : one.suspicions) text += painted("  ! " + harmless(why), "33", colours) + "\n";
  }
  if (const std::vector<std::string>* labels = task_labels()) {
    text += "\n";
    for (std::size_t i = 0; i < std::min<std::size_t>(9, labels->size()); ++i)
      text += fmt::format("{}{} {}", i == 0 ? "" : "  ", i + 1, harmless((*labels)[i]));
    text += "\n";
  }
  if (const auto given = given_.find(at_); given != given_.end())
    text += fmt::format("\nyour label: {} {}\n", name(given->second.label), harmless(given->second.value));
  return text + "\na right   e should have escalated   u undo   j next   k back   ? help   q quit\n";
}

}  // namespace suffice::lab
