#include "simulate/trouble.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace usersyncd::simulate {
namespace {

constexpr std::array<std::string_view, step_count> step_names{"look",      "intent", "request",  "answer",
                                                              "read-back", "close",  "recovery", "elsewhere"};

constexpr std::array<std::string_view, trouble_count> trouble_names{
    "refused",        "lost-request", "error-before", "throttled",    "late", "lost-answer", "error-after",
    "timeout",        "truncated",    "html",         "error-inside", "slow", "stale",       "short-list",
    "reordered-list", "foreign-list", "disk-full",    "disk-error",   "kill", "power-cut",   "restart",
    "clock-jump",     "pause",        "reload",       "edit"};

bool reads(Step step) {
  return step == Step::look || step == Step::read_back || step == Step::recovery || step == Step::elsewhere;
}

// A list is read to verify many creates, and where unresolved writes are recovered.
bool lists(Step step) {
  return step == Step::read_back || step == Step::recovery || step == Step::elsewhere;
}

}  // namespace

std::string_view name_of(Step step) {
  return step_names[static_cast<std::size_t>(step)];
}

std::string_view name_of(Trouble trouble) {
  return trouble_names[static_cast<std::size_t>(trouble)];
}

std::optional<Trouble> trouble_from_name(std::string_view name) {
  const auto found = std::find(trouble_names.begin(), trouble_names.end(), name);
  if (found == trouble_names.end()) return std::nullopt;
  return static_cast<Trouble>(found - trouble_names.begin());
}

std::vector<Trouble> all_troubles() {
  std::vector<Trouble> all;
  for (std::size_t i = 0; i < trouble_count; ++i) all.push_back(static_cast<Trouble>(i));
  return all;
}

bool can_meet(Trouble trouble, Step step) {
  switch (trouble) {
    case Trouble::refused:
    case Trouble::lost_request:
    case Trouble::error_before:
    case Trouble::throttled:
      return reads(step) || step == Step::request;
    case Trouble::late:
      return step == Step::request;
    case Trouble::lost_answer:
    case Trouble::error_after:
    case Trouble::timeout:
    case Trouble::truncated:
    case Trouble::html:
    case Trouble::error_inside:
    case Trouble::slow:
      return reads(step) || step == Step::answer;
    case Trouble::stale:
      return reads(step);
    case Trouble::short_list:
    case Trouble::reordered_list:
    case Trouble::foreign_list:
      return lists(step);
    case Trouble::disk_full:
    case Trouble::disk_error:
    case Trouble::kill:
    case Trouble::power_cut:
    case Trouble::restart:
    case Trouble::clock_jump:
    case Trouble::pause:
    case Trouble::reload:
    case Trouble::edit:
      return true;
  }
  return false;
}

void Matrix::add(const Matrix& other) {
  for (std::size_t row = 0; row < trouble_count; ++row) {
    for (std::size_t column = 0; column < step_count; ++column) {
      cells_[row][column] += other.cells_[row][column];
    }
  }
}

std::string Matrix::text() const {
  std::ostringstream text;
  text << std::left << std::setw(16) << "" << std::right;
  for (const auto name : step_names) text << std::setw(11) << name;
  text << '\n';
  for (std::size_t row = 0; row < trouble_count; ++row) {
    text << std::left << std::setw(16) << trouble_names[row] << std::right;
    for (std::size_t column = 0; column < step_count; ++column) {
      const bool possible = can_meet(static_cast<Trouble>(row), static_cast<Step>(column));
      text << std::setw(11) << (possible ? std::to_string(cells_[row][column]) : "-");
    }
    text << '\n';
  }
  return text.str();
}

std::vector<std::string> Matrix::empty_cells(const std::vector<Trouble>& troubles) const {
  std::vector<std::string> empty;
  for (const auto trouble : troubles) {
    for (std::size_t column = 0; column < step_count; ++column) {
      const auto step = static_cast<Step>(column);
      if (!can_meet(trouble, step) || cells_[static_cast<std::size_t>(trouble)][column] > 0) continue;
      empty.push_back(std::string{name_of(trouble)} + " at " + std::string{name_of(step)});
    }
  }
  return empty;
}

}  // namespace usersyncd::simulate
