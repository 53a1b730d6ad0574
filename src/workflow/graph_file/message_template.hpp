#pragma once
// Texts with holes for parts of messages: "Summarize {{/answer}} for {{input/query}}".

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "core/result.hpp"

namespace suffice::workflow {

/// Immutable; any thread. A hole is {{name/pointer}}: a name ("" is the message at hand) and a JSON pointer into it. A text is put in as it
/// is, once; anything else as JSON.
class MessageTemplate {
 public:
  /// InvalidArgument for a hole that is not closed, or that is no name and pointer.
  static Result<MessageTemplate> parse(std::string_view text);

  /// The message of a name, or null.
  using Lookup = std::function<const boost::json::value*(std::string_view name)>;
  /// InvalidArgument, naming the hole, when there is nothing at one.
  [[nodiscard]] Result<std::string> render(const Lookup& lookup) const;

  /// Names that it looks into, "" included.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  struct Piece {
    bool hole = false;
    std::string text;  ///< as it stands, or the hole's name
    std::string pointer;
  };
  std::vector<Piece> pieces_;
};

}  // namespace suffice::workflow
