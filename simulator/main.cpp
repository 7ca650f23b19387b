#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "simulator/command_line.hpp"
#include "simulator/neutral.hpp"
#include "simulator/tenants.hpp"

namespace usersyncd::sim {
namespace {

constexpr int exit_usage = 64;

/// Whoever watches the path sees the whole file or none.
void write_atomically(const std::string& path, const std::string& text) {
  const std::string half_written = path + ".part";
  std::ofstream file(half_written, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file || std::rename(half_written.c_str(), path.c_str()) != 0) {
    throw InputError("cannot write '" + path + "': " + std::strerror(errno));
  }
}

World make_world(const CommandLine& line) {
  World world = generate_world(line.population);
  return line.world_file.empty() ? world : read_world(read_file(line.world_file), world);
}

void run(Service& service, const CommandLine& line) {
  Server server(service, line.listen);
  server.stop_on_signals();
  const std::string host = line.listen.address == "::1" ? "[::1]" : line.listen.address;
  std::cout << "listening on " << (line.listen.tls ? "https://" : "http://") << host << ":" << server.port()
            << std::endl;
  if (!line.port_file.empty()) {
    write_atomically(line.port_file, std::to_string(server.port()) + "\n");
  }
  server.run();
}

void serve_one(const CommandLine& line) {
  World world = make_world(line);
  if (!line.desired_file.empty()) {
    const bool with_scope = line.simulator.dialect.apis != Apis::dashboard;
    write_atomically(line.desired_file, desired_yaml(world, line.population.accounts.front(), with_scope));
  }
  Simulator simulator(std::move(world), line.simulator);
  run(simulator, line);
}

/// The desired state is a directory then, with a file for each tenant.
void serve_tenants(const CommandLine& line) {
  Tenants tenants(line.population, line.simulator, line.tenants);
  if (!line.desired_file.empty()) {
    const bool with_scope = line.simulator.dialect.apis != Apis::dashboard;
    std::filesystem::create_directories(line.desired_file);
    for (std::size_t number = 1; number <= tenants.count(); ++number) {
      const std::string& account = tenants.account(number);
      write_atomically(line.desired_file + "/" + account + ".yaml",
                       desired_yaml(tenants.world(number), account, with_scope));
    }
  }
  run(tenants, line);
}

void serve(CommandLine line) {
  if (!line.faults_file.empty()) {
    line.simulator.faults = FaultScript::parse(read_file(line.faults_file));
  }
  if (!line.self_signed.empty()) {
    line.listen.files = make_self_signed(line.self_signed);
  }
  if (line.tenants > 0) {
    serve_tenants(line);
  } else {
    serve_one(line);
  }
}

}  // namespace
}  // namespace usersyncd::sim

int main(int argc, char** argv) {
  try {
    auto line = usersyncd::sim::read_command_line({argv + 1, argv + argc});
    if (line) {
      usersyncd::sim::serve(std::move(*line));
    }
    return 0;
  } catch (const usersyncd::sim::InputError& error) {
    std::cerr << "usersyncd-sim: error: " << error.what() << "\n";
    return usersyncd::sim::exit_usage;
  } catch (const std::exception& error) {
    std::cerr << "usersyncd-sim: " << error.what() << "\n";
    return 1;
  }
}
