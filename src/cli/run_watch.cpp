#include "cli/run_watch.hpp"

#include <algorithm>
#include <unistd.h>

#include <fmt/format.h>

#include "cli/command.hpp"
#include "core/text.hpp"

namespace suffice::cli {
namespace {

using workflow::FlowEvent;
using Kind = FlowEvent::Kind;

/// So often a terminal is redrawn at most: a run may take a hundred thousand steps a second.
constexpr std::chrono::milliseconds kDrawEvery{50};
constexpr std::size_t kNoteMax = 60;

/// One line, and short: progress is for people, and a terminal obeys control characters.
std::string tidy(std::string_view text) {
  std::string line;
  for (const char c : first_code_points(text, kNoteMax))
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return line;
}

}  // namespace

RunWatch::RunWatch(const workflow::Flow& flow, const workflow::RunLedger& ledger, std::FILE* out, Look look)
    : ledger_(ledger), out_(out), look_(look) {
  for (const workflow::Flow::NodeSpec& node : flow.nodes()) {
    if (node.sub_start == workflow::Flow::kNone) nodes_.push_back(Node{.name = node.executor.name, .note = {}});
  }
}

RunWatch::Node* RunWatch::find(std::string_view name) {
  const auto found = std::ranges::find(nodes_, name, &Node::name);
  return found == nodes_.end() ? nullptr : &*found;
}

void RunWatch::count(const FlowEvent& event) {
  if (event.kind == Kind::Budget) ended_by_ = tidy(event.text);
  Node* node = find(event.executor);
  if (node == nullptr) return;
  const auto end = [&](std::size_t& into) {
    ++into;
    node->running -= std::min<std::size_t>(node->running, 1);
  };
  switch (event.kind) {
    case Kind::ExecutorStarted:
      ++node->running;
      ++steps_;
      break;
    case Kind::ExecutorFinished:
      end(node->done);
      break;
    case Kind::ExecutorReplayed:
      ++node->replayed;
      ++steps_;
      break;
    case Kind::ExecutorFailed:
      end(node->failed);
      break;
    case Kind::ExecutorDropped:
      node->running -= std::min<std::size_t>(node->running, 1);
      break;
    case Kind::Progress:
      node->note = tidy(event.text);
      break;
    default:
      break;
  }
}

void RunWatch::on_event(const FlowEvent& event) {
  count(event);
  if (look_ == Look::Lines) return say(event);
  const auto now = std::chrono::steady_clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kDrawEvery;
  draw();
}

void RunWatch::finish() {
  if (look_ == Look::InPlace) draw();
}

std::vector<std::string> RunWatch::picture() const {
  std::size_t width = 0;
  for (const Node& node : nodes_) width = std::max(width, node.name.size());
  std::vector<std::string> lines;
  for (const Node& node : nodes_) {
    const char* sign = node.running > 0 ? ">" : (node.failed > 0 ? "x" : (node.done + node.replayed > 0 ? "+" : "."));
    std::string line = fmt::format("{} {:<{}}", sign, node.name, width);
    if (node.done > 0) line += fmt::format("  {} done", node.done);
    if (node.replayed > 0) line += fmt::format("  {} from the journal", node.replayed);
    if (node.failed > 0) line += fmt::format("  {} failed", node.failed);
    if (!node.note.empty()) line += "  " + node.note;
    lines.push_back(std::move(line));
  }
  lines.push_back(fmt::format("steps {}  calls {}  tokens {}  ${:.6f}{}", steps_, ledger_.calls(), ledger_.tokens(),
                              ledger_.cost().dollars(), ended_by_.empty() ? "" : "  ended: " + ended_by_));
  return lines;
}

void RunWatch::draw() {
  const bool colour = colours(STDERR_FILENO);
  std::string text;
  if (drawn_ > 0) text += fmt::format("\x1b[{}A", drawn_);
  const std::vector<std::string> lines = picture();
  for (const std::string& line : lines) {
    const char* shade = line.front() == '>' ? "33" : (line.front() == '+' ? "32" : (line.front() == 'x' ? "31" : "0"));
    text += "\x1b[2K" + paint(line, shade, colour) + "\n";
  }
  drawn_ = lines.size();
  std::fputs(text.c_str(), out_);
  std::fflush(out_);
}

void RunWatch::say(const FlowEvent& event) {
  if (event.kind == Kind::Token || event.kind == Kind::Checkpoint) return;
  std::string line = event.step > 0 ? fmt::format("step {:<4} {}", event.step, name(event.kind))
                                    : fmt::format("          {}", name(event.kind));
  if (!event.executor.empty()) line += fmt::format(" {}", event.executor);
  if (!event.to.empty()) line += fmt::format(" -> {}", event.to);
  if (!event.text.empty()) line += ": " + tidy(event.text);
  fmt::print(out_, "{}\n", line);
}

}  // namespace suffice::cli
