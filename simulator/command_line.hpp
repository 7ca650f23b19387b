#pragma once

#include <optional>
#include <string>
#include <vector>

#include "simulator/population.hpp"
#include "simulator/server.hpp"
#include "simulator/simulator.hpp"

namespace usersyncd::sim {

/// Everything that the command line says.
struct CommandLine {
  ListenOptions listen;
  std::string self_signed;  ///< directory; empty: no
  std::string port_file;
  std::string world_file;
  std::string desired_file;  ///< with tenants: a directory
  std::size_t tenants = 0;   ///< so many providers below /tenant/N; 0: one, without a prefix
  std::string faults_file;
  PopulationOptions population;
  SimulatorOptions simulator;
};

/// Reads the arguments (without the program's name). Nothing: help or version was printed to stdout. Throws
/// InputError for what cannot be used; files are not opened yet.
std::optional<CommandLine> read_command_line(const std::vector<std::string>& arguments);

}  // namespace usersyncd::sim
