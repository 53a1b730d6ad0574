#include "policy/schema_check.hpp"

#include <exception>
#include <stdexcept>

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "policy/embedded_schemas.hpp"
#include "policy/schema_walk.hpp"

namespace suffice::policy {

namespace json = boost::json;
using valijson::adapters::BoostJsonAdapter;

struct SchemaCheck::Impl {
  json::value text;
  valijson::Schema schema;
};

SchemaCheck::SchemaCheck(std::string_view schema_text) : impl_(std::make_unique<Impl>()) {
  try {
    impl_->text = json::parse(schema_text);
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(BoostJsonAdapter(impl_->text), impl_->schema);
  } catch (const std::exception& error) {
    throw std::logic_error(fmt::format("a schema of this program is broken: {}", error.what()));
  }
}

SchemaCheck::~SchemaCheck() = default;

bool SchemaCheck::valid(const json::value& value) const {
  valijson::Validator validator;  // caches regular expressions, so one a call
  return validator.validate(impl_->schema, BoostJsonAdapter(value), nullptr);
}

bool SchemaCheck::check(const YamlDocument& document, std::vector<Problem>& problems) const {
  const std::size_t before = problems.size();
  SchemaWalk(impl_->text, document, problems).run();
  if (problems.size() > before) return false;
  valijson::Validator validator;
  valijson::ValidationResults results;
  validator.validate(impl_->schema, BoostJsonAdapter(document.root()), &results);
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    std::string path;
    for (const std::string& part : error.context) path += part == "<root>" ? "" : part;
    problems.push_back(document.at_value("", fmt::format("breaks the schema at {}", path)));
  }
  return problems.size() == before;
}

const SchemaCheck& policy_schema() {
  static const SchemaCheck kSchema(policy_schema_text());
  return kSchema;
}

const SchemaCheck& prompt_schema() {
  static const SchemaCheck kSchema(prompt_schema_text());
  return kSchema;
}

std::optional<std::string> schema_defect(const json::value& schema) {
  try {
    valijson::Schema compiled;
    valijson::SchemaParser(valijson::SchemaParser::kDraft7).populateSchema(BoostJsonAdapter(schema), compiled);
    return std::nullopt;
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace suffice::policy
