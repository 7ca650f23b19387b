// Reads a file and merely parses it with Boost.JSON: what a program that decodes it cannot do without.
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <fstream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: parse FILE\n", stderr);
    return 64;
  }
  std::ifstream file{argv[1], std::ios::binary | std::ios::ate};
  std::string body(static_cast<std::size_t>(file.tellg()), '\0');
  file.seekg(0);
  file.read(body.data(), static_cast<std::streamsize>(body.size()));
  const boost::json::value tree = boost::json::parse(body);
  std::printf("%zu bytes, %s\n", body.size(), tree.is_object() ? "an object" : "no object");
  return file ? 0 : 1;
}
