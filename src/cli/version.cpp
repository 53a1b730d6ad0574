// suffice version: what this program is and what it was built with.

#include <memory>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <boost/version.hpp>
#include <fmt/format.h>

#include "cli/command.hpp"

namespace suffice::cli {

void add_version(CLI::App& program, Command& chosen) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = program.add_subcommand("version", "Print the version and what the program was built with.");
  command->add_flag("--json", *as_json, "A JSON object");
  command->callback([as_json, &chosen] {
    chosen.run = [as_json] {
      if (*as_json) {
        const boost::json::object object{
            {"version", SUFFICE_VERSION}, {"compiler", __VERSION__}, {"boost", BOOST_LIB_VERSION}};
        fmt::print("{}\n", boost::json::serialize(object));
      } else {
        fmt::print("suffice {}\nbuilt with {}, Boost {}\n", SUFFICE_VERSION, __VERSION__, BOOST_LIB_VERSION);
      }
      return Exit::Ok;
    };
  });
}

}  // namespace suffice::cli
