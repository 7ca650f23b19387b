#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/lies/document.hpp"

namespace usersyncd::lies {

/// What the provider answers.
struct Reply {
  int status = 200;
  std::string content_type;
  std::string body;
  bool cut_off = false;  ///< the connection ended before the answer did
};

/// One way to spoil a reply, so that a failure can be told and repeated.
struct Lie {
  std::string name;  ///< `drop node 12 (username); cut at 301`
  Reply reply;
};

/// All the lies that can be told with one captured body. The same index always gives the same lie.
class Liar {
 public:
  explicit Liar(const std::string& body);

  /// The body cut after every byte, then each node treated in each way, then each text laid around the body,
  /// each status and each content type.
  std::size_t singles() const { return cuts() + tree_lies() + text_lies() + reply_lies(); }
  Lie single(std::size_t index) const;

  /// Two to four of them at once, chosen by `seed`; half of them with every number that counts entries
  /// corrected, so that nothing but the truth gives them away.
  Lie combined(std::uint64_t seed) const;

  Reply honest() const;

 private:
  std::size_t cuts() const { return body_.size(); }
  std::size_t tree_lies() const;
  std::size_t text_lies() const;
  std::size_t reply_lies() const;

  std::string body_;
  Document document_;
  std::size_t nodes_;
};

}  // namespace usersyncd::lies
