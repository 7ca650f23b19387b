#include "sync/plan_text.hpp"

#include <algorithm>
#include <array>

namespace usersyncd {
namespace {

constexpr std::size_t reports_shown = 20;
constexpr std::size_t notes_shown = 20;

struct Character {
  char32_t value = 0;
  std::size_t length = 1;
};

/// The character that a text which is not empty begins with; a byte that begins none stands for itself, as if
/// it were beyond all characters.
Character first_of(std::string_view text) {
  constexpr char32_t no_character = 0x110000;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC0 || text.size() < length) return {no_character, 1};
  char32_t value = first & (0xFFU >> (length + 1));
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xC0U) != 0x80U) return {no_character, 1};
    value = (value << 6U) | (byte(at) & 0x3FU);
  }
  return {value, length};
}

/// What moves the cursor, turns the direction of a line, or cannot be seen: with these a name looks like
/// another one.
bool is_unseen(char32_t value) {
  constexpr std::array<std::pair<char32_t, char32_t>, 13> ranges{{{0x00, 0x1F},
                                                                  {0x7F, 0x9F},
                                                                  {0xAD, 0xAD},
                                                                  {0x61C, 0x61C},
                                                                  {0x115F, 0x1160},
                                                                  {0x180E, 0x180E},
                                                                  {0x200B, 0x200F},
                                                                  {0x2028, 0x202E},
                                                                  {0x2060, 0x206F},
                                                                  {0x3164, 0x3164},
                                                                  {0xFEFF, 0xFEFF},
                                                                  {0xFFF9, 0xFFFB},
                                                                  {0xE0000, 0xE007F}}};
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return range.first <= value && value <= range.second; });
}

std::string hexadecimal(char32_t value, std::size_t digits) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  for (; value != 0 || text.size() < digits; value >>= 4U) text.insert(text.begin(), hex[value & 15U]);
  return text;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string_view sign_of(Operation operation) {
  constexpr std::array<std::string_view, 5> signs{"+", "~", "^", "-", "x"};
  return signs[static_cast<std::size_t>(operation)];
}

std::string show_set_change(const StringSet& from, const StringSet& to) {
  std::string text;
  const auto add = [&](char sign, const std::string& item) {
    text += (text.empty() ? "" : " ") + (sign + item);
  };
  for (const auto& item : to) {
    if (!std::binary_search(from.begin(), from.end(), item)) add('+', item);
  }
  for (const auto& item : from) {
    if (!std::binary_search(to.begin(), to.end(), item)) add('-', item);
  }
  return text;
}

std::string show_change(const Change& change) {
  const std::string name{name_of(change.field)};
  if (!change.to) return name;
  if (!change.from) return name + " " + show(*change.to);
  const auto* from = std::get_if<StringSet>(&*change.from);
  const auto* to = std::get_if<StringSet>(&*change.to);
  if (from && to) return name + " " + show_set_change(*from, *to);
  return name + " " + show(*change.from) + " -> " + show(*change.to);
}

std::string show_changes(const Action& action) {
  std::string text;
  for (const auto& change : action.changes) text += (text.empty() ? "" : ", ") + show_change(change);
  return text.empty() ? action.reason : text;
}

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

std::string why(const JudgedAction& judged) {
  std::string text = std::string{name_of(judged.verdict)};
  if (!judged.rules.empty()) text += " by " + joined(judged.rules);
  if (!judged.reason.empty()) text += ": " + judged.reason;
  return text;
}

std::string action_text(const JudgedAction& judged) {
  const auto& action = judged.action;
  const bool sent = judged.verdict == Verdict::apply;
  std::string text = std::string{"  "} + (sent ? std::string{sign_of(action.operation)} : std::string{"!"}) +
                     " " + padded(std::string{name_of(action.operation)}, 8) +
                     terminal_safe(action.username) + "  " + terminal_safe(show_changes(action)) + "\n";
  if (!sent) text += "      " + terminal_safe(why(judged)) + "\n      id " + action.id + "\n";
  return text;
}

std::string report_text(const JudgedAction& judged) {
  const auto& action = judged.action;
  const bool unmanaged = action.cause == Cause::unmanaged;
  return "  . " + padded("report", 8) + terminal_safe(action.username) + "  " +
         terminal_safe(unmanaged ? action.reason : show_changes(action)) +
         (judged.rules.empty() ? "" : "  (" + joined(judged.rules) + ")") + "\n";
}

std::string note_line(const Note& note) {
  return padded("note", 8) + note.username + (note.username.empty() ? "" : "  ") + note.message + "  (" +
         note.rule + (note.place.empty() ? "" : ", " + note.place) + ")";
}

std::string account_text(const JudgedPlan& judged) {
  const auto& plan = judged.plan();
  std::string text = "Account " + plan.account + ", observed " + format_time(plan.observed_at) + ", " +
                     std::to_string(plan.live_users) + " users\n";
  if (!plan.complete) {
    text = "Account " + plan.account + ": not planned\n";
    for (const auto& reason : plan.reasons) text += "  ! " + terminal_safe(reason) + "\n";
    return text;
  }
  if (plan.unaccepted) text += "  ! held as a whole: " + terminal_safe(plan.unaccepted->message) + "\n";
  std::size_t reports = 0;
  for (const auto& action : judged.actions()) {
    if (action.verdict != Verdict::report) text += action_text(action);
  }
  for (const auto& action : judged.actions()) {
    if (action.verdict == Verdict::report && ++reports <= reports_shown) text += report_text(action);
  }
  if (reports > reports_shown) {
    text += "  . and " + std::to_string(reports - reports_shown) + " more reports; --format json shows all\n";
  }
  for (std::size_t i = 0; i < std::min(plan.notes.size(), notes_shown); ++i)
    text += "  * " + terminal_safe(note_line(plan.notes[i])) + "\n";
  if (plan.notes.size() > notes_shown)
    text += "  * and " + std::to_string(plan.notes.size() - notes_shown) +
            " more notes; --format json shows all\n";
  return text;
}

// For all accounts: whoever reads no more has to learn here that one is missing from the counts.
std::string last_line(const std::vector<const JudgedPlan*>& plans) {
  const auto unplanned = std::count_if(plans.begin(), plans.end(),
                                       [](const JudgedPlan* judged) { return !judged->plan().complete; });
  const auto counts = summary_line(summarize(plans));
  if (unplanned == 0) return counts;
  return counts + "; " + std::to_string(unplanned) +
         (unplanned == 1 ? " account not planned" : " accounts not planned");
}

std::string cell(std::string_view text) {
  std::string safe;
  for (char c : terminal_safe(text)) {
    if (std::string_view{"\\|`*_[]<>"}.find(c) != std::string_view::npos) safe += '\\';
    safe += c;
  }
  return safe;
}

}  // namespace

std::string terminal_safe(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const Character character = first_of(text);
    const std::string_view bytes = text.substr(0, character.length);
    text.remove_prefix(character.length);
    if (!is_unseen(character.value))
      safe += bytes;
    else if (character.length == 1)
      safe += "\\x" + hexadecimal(character.value, 2);
    else
      safe += "\\u" + hexadecimal(character.value, 4);
  }
  return safe;
}

std::string summary_line(const PlanSummary& summary) {
  return std::to_string(summary.create) + " to create, " + std::to_string(summary.update) + " to update, " +
         std::to_string(summary.enable) + " to enable, " + std::to_string(summary.disable) + " to disable, " +
         std::to_string(summary.remove) + " to delete; " + std::to_string(summary.held) + " held, " +
         std::to_string(summary.in_sync) + " in sync";
}

std::string plan_text(const std::vector<const JudgedPlan*>& plans) {
  std::string text;
  for (const auto* plan : plans) text += account_text(*plan);
  return text + "Plan: " + last_line(plans) + ".\n";
}

std::string plan_markdown(const std::vector<const JudgedPlan*>& plans) {
  std::string text;
  for (const auto* judged : plans) {
    text += "### Account " + cell(judged->plan().account) + "\n\n";
    if (!judged->plan().complete) {
      for (const auto& reason : judged->plan().reasons) text += "- not planned: " + cell(reason) + "\n";
      text += "\n";
      continue;
    }
    if (const auto& whole = judged->plan().unaccepted)
      text += "Held as a whole: " + cell(whole->message) + "\n\n";
    text += "| operation | user | change | verdict | rules |\n|---|---|---|---|---|\n";
    for (const auto& action : judged->actions()) {
      text += "| " + std::string{name_of(action.action.operation)} + " | " + cell(action.action.username) +
              " | " + cell(show_changes(action.action)) + " | " + std::string{name_of(action.verdict)} +
              " | " + cell(joined(action.rules)) + " |\n";
    }
    text += "\n";
    for (const auto& note : judged->plan().notes)
      text += "- note: " + cell(note.username) + " " + cell(note.message) + " (" + cell(note.rule) + ")\n";
  }
  return text + "**" + last_line(plans) + "**\n";
}

}  // namespace usersyncd
