#include "gate/json_schema.hpp"

#include "gate/json_schema_program.hpp"
#include "wire/json.hpp"

namespace suffice::gate {

struct JsonSchema::Impl {
  std::unique_ptr<const schema::Program> program;
  Strictness strictness = Strictness::AsWritten;
};

JsonSchema::JsonSchema() = default;
JsonSchema::~JsonSchema() = default;

Result<std::shared_ptr<const JsonSchema>> JsonSchema::compile(std::string_view schema_text, Strictness strictness) {
  SUFFICE_TRY(auto program, schema::compile(schema_text));
  std::shared_ptr<JsonSchema> compiled(new JsonSchema);
  compiled->impl_ = std::make_unique<Impl>(Impl{.program = std::move(program), .strictness = strictness});
  return compiled;
}

std::vector<std::string> JsonSchema::validate(std::string_view json_text) const {
  const Result<boost::json::value> instance = wire::parse_json(json_text);
  if (!instance) return {"not JSON: " + describe(instance.error())};
  std::vector<std::string> problems = schema::run(*impl_->program, *instance, schema::Closed::No);
  // A second pass, so that closing can only refuse more: inside oneOf one rule more could turn two matches into one.
  if (problems.empty() && impl_->strictness == Strictness::ModelOutput) {
    problems = schema::run(*impl_->program, *instance, schema::Closed::Yes);
  }
  return problems;
}

}  // namespace suffice::gate
