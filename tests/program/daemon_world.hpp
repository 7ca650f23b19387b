#pragma once

#include <string>

#include "tests/program/support.hpp"

// What the daemon's tests share: a world of few users and a daemon that looks at it every second.

namespace usersyncd::test {

/// Two users with a role each, ada and bob, as desired-state entries.
extern const std::string two_users;

/// Makes the same two at the simulator and wishes for them, beside the users of its own.
void add_two_users(Bench& bench);

/// A setup that polls every second, in `mode`.
Setup quick(const std::string& mode = "enforce");

/// Desired-state entries `PREFIX000` … of `count` users that are easy to tell apart.
std::string people(const std::string& prefix, int count, const std::string& last_name = "New");

/// Wishes for these users beside those of other files; replaces what it wished for before.
void wish_more(Bench& bench, const std::string& users);

/// Rules that let a run create as many users as it likes.
extern const std::string no_limits;

/// Waits until `count` more cycles have ended after `since`.
bool cycles(const Daemon& daemon, std::size_t count, std::size_t since);

/// The events of this name about this user.
std::vector<boost::json::object> about(const Daemon& daemon, const std::string& event,
                                       const std::string& username, std::size_t since = 0);

/// A member of an event or a document as text; empty if it is not there.
std::string text_of(const boost::json::object& object, const std::string& member);

/// The one account of `status --format json`.
boost::json::object status_of(Bench& bench);

}  // namespace usersyncd::test
