#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace usersyncd {

/// Overwrites the characters of a text that held a secret, and empties it.
void wipe(std::string& text);

/// A value that must not be seen: it cannot be printed, compared or copied, and is overwritten when it goes.
/// Whoever needs the value says so with reveal(). It does not keep the value out of copies that others make
/// of it.
class Secret {
 public:
  Secret() = default;
  /// Takes the value over and wipes the text it came in.
  explicit Secret(std::string&& value);
  /// A secret with a copy of the value; the caller remains answerable for the original.
  static Secret copy_of(std::string_view value);

  Secret(Secret&& other) noexcept = default;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  /// The value itself; valid as long as this object is neither moved from nor destroyed.
  std::string_view reveal() const { return {bytes_.data(), bytes_.size()}; }
  bool empty() const { return bytes_.empty(); }

 private:
  void clear() noexcept;

  // Not a string: a short string keeps its characters inside the object, and moving it leaves them behind.
  std::vector<char> bytes_;
};

}  // namespace usersyncd
