// How many requests a server answers: the same request, or creates of ever new users, on several connections
// that are kept. Deliberately dull: one thread, which leaves the other core to the server.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // The cast that the interface of sockets asks for.
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("no connection");
  }
  ~Connection() {
    if (socket_ >= 0) ::close(socket_);
  }
  Connection(Connection&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  Connection& operator=(Connection&&) = delete;

  void send(const std::string& text) {
    if (::write(socket_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("cannot send");
  }

  /// The status of the next answer; its body is read and dropped.
  int receive() {
    std::string got;
    std::size_t head = std::string::npos;
    while ((head = got.find("\r\n\r\n")) == std::string::npos) fill(got);
    const auto length = got.find("Content-Length: ");
    if (length > head) throw std::runtime_error("an answer without Content-Length");
    const std::size_t whole = head + 4 + std::stoul(got.substr(length + 16, 20));
    while (got.size() < whole) fill(got);
    return std::stoi(got.substr(9, 3));
  }

 private:
  void fill(std::string& got) {
    char buffer[65536];
    const ssize_t count = ::read(socket_, buffer, sizeof buffer);
    if (count <= 0) throw std::runtime_error("the connection ended");
    got.append(buffer, static_cast<std::size_t>(count));
  }

  int socket_;
};

std::string request(const std::string& target, const std::string& token, std::size_t number) {
  const bool create = target.starts_with("POST ");
  const std::string name = "load." + std::to_string(number);
  const std::string body = create ? R"({"username":")" + name +
                                        R"(","firstName":"Ann","lastName":"Lee","email":")" + name +
                                        R"(@example.com","accountScope":"ACCOUNT","roles":["basicAccess"],)" +
                                        R"("accounts":["5500001"]})"
                                  : "";
  return target +
         " HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nContent-Type: application/json\r\n" +
         "Authorization: Bearer " + token + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

void run(std::uint16_t port, const std::string& target, const std::string& token, std::size_t count) {
  constexpr std::size_t width = 8;
  std::vector<Connection> connections;
  for (std::size_t i = 0; i < width; ++i) connections.emplace_back(port);
  const int good = target.starts_with("POST ") ? 201 : 200;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < count + width; ++i) {
    auto& connection = connections[i % width];
    if (i >= width && connection.receive() != good) throw std::runtime_error("an answer of another status");
    if (i < count) connection.send(request(target, token, i));
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  std::printf("{\"requests\":%zu,\"seconds\":%.6f}\n", count, wall.count());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: load PORT 'METHOD TARGET' TOKEN COUNT\n", stderr);
    return 64;
  }
  try {
    run(static_cast<std::uint16_t>(std::stoul(argv[1])), argv[2], argv[3], std::stoul(argv[4]));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 1;
  }
}
