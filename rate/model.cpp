#include "rate/model.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace usersyncd::rate {
namespace {

constexpr std::string_view heading = "rate-model 4";
constexpr std::size_t most_lines = 256;
constexpr std::size_t most_fields = 16;
constexpr double infinite = 1e300;  ///< what stands for no bound in the text

using Fields = std::vector<double>;

void write(std::string& text, char tag, const Fields& fields) {
  text += tag;
  for (const auto field : fields) {
    std::array<char, 32> digits{};
    const double value = std::isfinite(field) ? field : std::copysign(infinite, field);
    const auto [end, code] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    text += ' ';
    if (code == std::errc{}) text.append(digits.data(), end);
  }
  text += '\n';
}

/// The numbers after the tag. Empty: one is none.
std::optional<Fields> read(std::string_view line) {
  Fields fields;
  while (!line.empty()) {
    if (line.front() != ' ' || fields.size() == most_fields) return std::nullopt;
    line.remove_prefix(1);
    double value = 0;
    const auto [end, code] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (code != std::errc{} || !std::isfinite(value)) return std::nullopt;
    if (std::abs(value) >= infinite) value = std::copysign(HUGE_VAL, value);
    fields.push_back(value);
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  }
  return fields;
}

bool read_numbers(const Fields& f, Model& model) {
  if (f.size() != 8) return false;
  model.way = f[0];
  model.jitter = f[1];
  model.shortest_trip = f[2];
  model.limited = f[3];
  model.limit = f[4];
  model.burst = f[5];
  model.ramp = f[6];
  model.ruled = f[7];
  const bool sane_way = f[0] > 0 && f[0] < 600 && f[1] > 0 && f[1] < 600 && f[2] > 0;
  const bool sane_pace = f[4] >= 0 && f[4] < 1e6 && f[5] >= 0 && f[5] < 1e9 && f[6] >= 0 && f[6] < 1e6;
  return sane_way && sane_pace;
}

bool read_rule(const Fields& f, Model& model) {
  if (f.size() != 10) return false;
  const bool kind = f[0] >= 0 && f[0] <= 5 && f[0] == std::floor(f[0]) && (f[1] == 0 || f[1] == 1);
  // Only a window on the clock may be of any length at first.
  const bool length = f[2] > 0 && f[2] <= f[3] && f[2] < 1e6 && (f[3] < 1e6 || f[1] == 1);
  const bool limit = f[4] >= 1 && f[4] <= f[5] && f[5] < 1e9;
  const bool sane = kind && length && limit && std::abs(f[6]) < 100 && f[7] > 0 && f[7] < 100 &&
                    std::isfinite(f[8]) && std::isfinite(f[9]);
  if (sane) model.rules.push_back({f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9]});
  return sane;
}

bool read_stretch(const Fields& f, std::vector<Model::Stretch>& to) {
  const bool sane = f.size() == 3 && f[0] <= f[1] && f[1] - f[0] < 1e6 && f[2] >= 1 && f[2] <= 4096;
  if (sane) to.push_back({f[0], f[1], f[2]});
  return sane;
}

}  // namespace

std::string Model::text() const {
  std::string text{heading};
  text += '\n';
  write(text, 'n', {way, jitter, shortest_trip, limited, limit, burst, ramp, ruled});
  for (const auto& r : rules) {
    write(
        text, 'r',
        {r.kind, r.free, r.shortest, r.longest, r.lowest, r.highest, r.bits, r.weight, r.start, r.start_by});
  }
  for (const auto& s : accepted) write(text, 'a', {s.from, s.to, s.count});
  for (const auto& s : tried) write(text, 't', {s.from, s.to, s.count});
  return text;
}

std::optional<Model> Model::parse(std::string_view text) {
  Model model;
  bool numbers = false;
  for (std::size_t lines = 0; !text.empty(); ++lines) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos || lines > most_lines) return std::nullopt;
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (lines == 0) {
      if (line != heading) return std::nullopt;
      continue;
    }
    if (line.empty()) return std::nullopt;
    const auto fields = read(line.substr(1));
    if (!fields) return std::nullopt;
    bool good = false;
    if (line[0] == 'n') good = numbers = read_numbers(*fields, model);
    if (line[0] == 'r') good = read_rule(*fields, model);
    if (line[0] == 'a') good = read_stretch(*fields, model.accepted);
    if (line[0] == 't') good = read_stretch(*fields, model.tried);
    if (!good) return std::nullopt;
  }
  if (!numbers) return std::nullopt;
  return model;
}

}  // namespace usersyncd::rate
