#pragma once
// Sealed files: small JSON documents that say what they are and notice when they were cut or altered.
// Internal to learned: calibrators and certificates are such files.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "core/result.hpp"

namespace suffice::learned {

/// Three lines of docs/formats.md, "Sealed files": "suffice-KIND 1", the object on one line, "sha256 HEX" of the two before. People can
/// read one; the checksum finds accidents, not forgery: whoever may write the policy may write certificates.
[[nodiscard]] std::string seal(std::string_view kind, const boost::json::object& content);

/// The object of such a file. ModelInvalid: of another kind or version, cut, or altered.
[[nodiscard]] Result<boost::json::object> unseal(std::string_view kind, std::string_view bytes);

/// Whole file, at most 4 MB; NotFound, IoFailed, ModelInvalid. `made_by` is the command that makes such files, for the message.
[[nodiscard]] Result<std::string> read_sealed_file(const std::string& file, std::string_view made_by);

/// Members of an unsealed object, read strictly: ModelInvalid names the one that is missing or of another type.
[[nodiscard]] Result<double> number_of(const boost::json::object& object, std::string_view key);
[[nodiscard]] Result<std::int64_t> integer_of(const boost::json::object& object, std::string_view key);
[[nodiscard]] Result<std::string> text_of(const boost::json::object& object, std::string_view key);
[[nodiscard]] Result<std::vector<double>> numbers_of(const boost::json::object& object, std::string_view key);
[[nodiscard]] Result<std::vector<std::string>> texts_of(const boost::json::object& object, std::string_view key);

}  // namespace suffice::learned
