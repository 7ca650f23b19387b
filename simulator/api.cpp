#include "simulator/api.hpp"

#include <algorithm>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <cmath>
#include <iterator>

namespace usersyncd::sim {
namespace {

constexpr std::string_view foreign_account = "9900001";

/// Users of a company that is not ours, as a wrong account id or a mixed-up cache would show them.
const std::vector<User>& foreign_users() {
  static const std::vector<User> users = [] {
    std::vector<User> result;
    for (const char* name : {"alien.one", "alien.two", "alien.three", "alien.four"}) {
      User user;
      user.id = std::string("x-") + name;
      user.username = name;
      user.first_name = "Alien";
      user.last_name = "Visitor";
      user.email = std::string(name) + "@elsewhere.example";
      user.accounts.emplace(foreign_account);
      result.push_back(std::move(user));
    }
    return result;
  }();
  return users;
}

/// A number that a name has under this shuffle: the same on every machine (FNV-1a).
std::uint64_t shuffled(std::string_view name, std::uint64_t shuffle) {
  std::uint64_t hash = 0xcbf29ce484222325U ^ shuffle;
  for (const char letter : name) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3U;
  }
  return hash;
}

}  // namespace

bool is_v1(const Target& target) {
  const auto& path = target.segments;
  return path.size() >= 3 && path[0] == "api" && (path[1] == "v1" || path[1] == "v2");
}

bool is_dashboard(const Target& target) {
  const auto& path = target.segments;
  const std::size_t first = !path.empty() && path[0] == "api" ? 1 : 0;
  return path.size() > first && (path[first] == "accounts" || path[first] == "users");
}

std::vector<const User*> listed_users(const World& world, const std::string& account,
                                      const ListFault& fault) {
  std::vector<const User*> users;
  if (fault.empty) {
    return users;
  }
  if (fault.foreign) {
    for (const User& user : foreign_users()) {
      users.push_back(&user);
    }
    return users;
  }
  for (const auto& [key, user] : world.users()) {
    if (world.visible(user) && (account.empty() || user.accounts.contains(account))) {
      users.push_back(&user);
    }
  }
  if (fault.shuffle != 0) {
    std::sort(users.begin(), users.end(), [&](const User* a, const User* b) {
      return shuffled(a->username, fault.shuffle) < shuffled(b->username, fault.shuffle);
    });
  }
  if (fault.keep) {
    users.resize(static_cast<std::size_t>(std::floor(static_cast<double>(users.size()) * *fault.keep)));
  }
  return users;
}

bool accepts(const Request& request, const std::vector<std::string_view>& types) {
  const std::string accept = lower(header(request.headers, "Accept"));
  if (accept.empty() || accept.find("*/*") != std::string::npos ||
      accept.find("application/*") != std::string::npos) {
    return true;
  }
  return std::any_of(types.begin(), types.end(),
                     [&](std::string_view type) { return accept.find(type) != std::string::npos; });
}

std::string encode_segment(std::string_view text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars);
}

std::vector<std::string> intersection(const StringSet& items, const StringSet& held) {
  std::vector<std::string> result;
  std::set_intersection(items.begin(), items.end(), held.begin(), held.end(), std::back_inserter(result));
  return result;
}

}  // namespace usersyncd::sim
