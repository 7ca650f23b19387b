#pragma once

#include <string>

#include "tests/hostile/cases.hpp"
#include "tests/program/process.hpp"

namespace usersyncd::hostile {

/// The real program against one server: `usersyncd apply --yes`, in enforce, with limits that make a test
/// short.
class Target {
 public:
  /// `ca_file` may be empty.
  Target(const std::string& url, const std::string& ca_file);

  test::Run apply();

 private:
  test::Scratch home_;
};

/// How long an attack may hold the program up: the deadline of a request, its retries, and a busy machine.
inline constexpr std::chrono::seconds longest_run{15};
inline constexpr long most_memory_kib = 128 * 1024;

/// A sanitizer's shadow and its quarantine are memory of the program, too, and more than the bound allows.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool memory_is_ours = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool memory_is_ours = false;
#else
inline constexpr bool memory_is_ours = true;
#endif
#else
inline constexpr bool memory_is_ours = true;
#endif

/// The most memory that any child of this process has had, in KiB.
long peak_memory_of_children();

/// Answers everything with the truth but the list of users, which is the attack.
test::Script besieged(const test::Script& attack);

}  // namespace usersyncd::hostile
