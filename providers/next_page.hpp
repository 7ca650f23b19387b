#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "providers/profile.hpp"
#include "sync/error.hpp"

// How a page of a list names the page after it. Pure.

namespace usersyncd {

struct NextPage {
  std::string name;   ///< a link or a cursor, as it is written; empty: none is named
  bool last = false;  ///< the answer says that there is none
};

/// What an answer says of the page after it, where the profile looks for that. `links` are the values of its
/// `Link` headers; where the whole list is to come at once they tell that it did not. Kind malformed for what
/// cannot be understood or contradicts itself.
Result<NextPage> next_page(const Paging& paging, const boost::json::value& tree,
                           const std::vector<std::string>& links);

/// The target with rel="next" in `Link` headers (RFC 8288), as it is written. `last`: there are such headers,
/// and none has one.
Result<NextPage> next_in_header(const std::vector<std::string>& links);

}  // namespace usersyncd
