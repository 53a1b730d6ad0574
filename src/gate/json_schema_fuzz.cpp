// json_schema_fuzz --seed N --iterations N: mutated schemas and instances; aborts when a promise breaks.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/random.hpp"
#include "gate/json_schema.hpp"

namespace {

using namespace suffice;

constexpr std::string_view kSchemas[] = {
    R"({"type":"object","properties":{"a":{"type":"integer","minimum":0,"multipleOf":2}},"required":["a"],"additionalProperties":false})",
    R"({"$ref":"#/$defs/n","$defs":{"n":{"properties":{"next":{"$ref":"#/$defs/n"}},"unevaluatedProperties":false}}})",
    R"({"prefixItems":[{"const":1},{"enum":[null,true]}],"items":{"pattern":"^(a|b)*\\u0063$"},"uniqueItems":true,"contains":{"type":"number"}})",
    R"({"oneOf":[{"required":["a"]},{"not":{"minProperties":2}}],"if":{"required":["b"]},"then":{"maxProperties":3},"else":false})",
    R"({"$id":"http://x/y","$dynamicAnchor":"t","anyOf":[{"$dynamicRef":"#t"},{"type":"string","maxLength":3}],"propertyNames":{"minLength":1}})",
    R"({"$schema":"http://json-schema.org/draft-07/schema#","items":[{"type":"null"}],"additionalItems":{"format":"date"},"dependencies":{"a":["b"]}})",
    "true",
};
constexpr std::string_view kInstances[] = {
    R"({"a":2})",
    R"({"next":{"next":{}}})",
    R"([1,null,"abc",2.5])",
    R"({"a":1,"b":2,"":[]})",
    R"("abc")",
    "1e300",
    "-0",
    R"([[[]]])",
};

template <std::size_t N>
std::string mutated(const std::string_view (&corpus)[N], Random& random) {
  std::string text(corpus[random.below(N)]);
  for (std::uint64_t edits = random.below(4); edits > 0 && !text.empty(); --edits) {
    const std::size_t at = random.below(text.size());
    const std::string_view other = corpus[random.below(N)];
    switch (random.below(4)) {
      case 0:
        text[at] = "{}[]\":,0189aetn\\#/$-."[random.below(21)];
        break;
      case 1:
        text.erase(at, 1 + random.below(3));
        break;
      case 2:
        text.insert(at, other.substr(random.below(other.size()), 12));
        break;
      default:
        text[at] = static_cast<char>(random.below(256));
        break;
    }
  }
  return text;
}

std::uint64_t option(int argc, char** argv, std::string_view name, std::uint64_t fallback) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (name == argv[i]) return std::strtoull(argv[i + 1], nullptr, 10);
  }
  return fallback;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t seed = option(argc, argv, "--seed", 1);
  const std::uint64_t iterations = option(argc, argv, "--iterations", 20'000);
  std::printf("json_schema_fuzz --seed %llu --iterations %llu\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(iterations));
  SeededRandom random(seed);
  std::uint64_t compiled = 0;
  for (std::uint64_t i = 0; i < iterations; ++i) {
    const std::string schema = mutated(kSchemas, random);
    const std::string instance = mutated(kInstances, random);
    const auto as_written = gate::JsonSchema::compile(schema);
    const auto strict = gate::JsonSchema::compile(schema, gate::Strictness::ModelOutput);
    if (as_written.has_value() != strict.has_value()) std::abort();
    if (!as_written) continue;
    ++compiled;
    // What the schema refuses stays refused in the stricter reading.
    const bool accepted = (*as_written)->validate(instance).empty();
    const bool accepted_strictly = (*strict)->validate(instance).empty();
    if (accepted_strictly && !accepted) {
      std::fprintf(stderr, "stricter reading accepts more (seed %llu, iteration %llu)\n",
                   static_cast<unsigned long long>(seed), static_cast<unsigned long long>(i));
      return 1;
    }
  }
  std::printf("ok, %llu schemas compiled\n", static_cast<unsigned long long>(compiled));
  return compiled == 0 ? 1 : 0;
}
