#include "rate/bucket.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace usersyncd::rate {
namespace {

constexpr double slowest = 0.02, fastest = 1000;
constexpr std::size_t most_anchors = 12;
constexpr double prior = 8;  ///< a bucket is as likely as several windows

}  // namespace

void Bucket::start(Seconds at, double burst) {
  *this = Bucket{};
  burst_ = std::max(1.0, burst);
  base_ = at;
  tokens_ = 0.5;
  anchors_ = {at};
}

double Bucket::weight() const {
  return prior * std::exp2(bits());
}

Forecast Bucket::forecast(const Scene& scene, Seconds at) const {
  if (!known() || at <= base_) return Forecast::unknown;
  const Seconds m = std::max(0.002, scene.jitter);
  // At a refusal there was anything up to a whole token.
  const bool counted = tokens_ > 0.5;
  const double taken = scene.count(base_, at);
  const double most = (counted ? tokens_ : 1) + highest_ * (at - base_ + m) - taken;
  const double least = std::min(burst_, (counted ? tokens_ : 0) + lowest_ * (at - base_ - m) - taken);
  if (most < 1) return Forecast::shut;
  return least >= 1 ? Forecast::open : Forecast::unknown;
}

void Bucket::openings(const Scene& scene, Seconds at, std::vector<Opening>& to) const {
  const double needed = scene.count(base_, never) + 1 - tokens_;
  if (needed <= 0) {
    to.push_back({at, weight()});
    return;
  }
  if (highest_ == never) return;
  const double low = std::max(slowest, lowest_);
  const bool exact = highest_ / low < 1.01;
  const int parts = exact ? 1 : 4;
  for (int part = 0; part < parts; ++part) {
    const double rate = highest_ * std::pow(low / highest_, static_cast<double>(part) / 4);
    to.push_back({std::max(at, base_ + needed / rate), weight() / parts});
  }
}

void Bucket::conflict(Seconds at, double rate) {
  conflicts_ = std::min(6.0, conflicts_ + 1);
  highest_ = std::clamp(rate * 1.03, slowest, fastest);
  lowest_ = highest_ * 0.7;
  anchors_ = {at};
}

void Bucket::answered(const Scene& scene, Seconds at, bool accepted, double recent_rate) {
  const Seconds m = std::max(0.002, scene.jitter);
  if (accepted) {
    for (const auto anchor : anchors_) {
      if (at > anchor)
        lowest_ = std::max(lowest_, (scene.accepted.count(anchor, at) - 1) / (at - anchor + m));
    }
    conflicts_ = std::max(0.0, conflicts_ - 0.02);
    if (lowest_ > highest_ * 1.0005) conflict(at, std::max(recent_rate, lowest_));
    return;
  }
  for (const auto anchor : anchors_) {
    if (at - anchor > 3 * m) {
      highest_ = std::min(highest_, (scene.count(anchor, at + m) + 1) / (at - anchor - m));
    }
  }
  const bool wrong = lowest_ > highest_ * 1.0005;
  if (anchors_.empty() || at - anchors_.back() > 2 * m) {
    anchors_.push_back(at);
    if (anchors_.size() > most_anchors) anchors_.erase(anchors_.begin() + 2, anchors_.begin() + 6);
  }
  base_ = std::max(base_, at);
  tokens_ = 0.5;
  if (wrong) {
    conflict(at, std::min(recent_rate, highest_));
    base_ = at;
  }
}

void Bucket::rested(const Scene& scene, Seconds at) {
  if (!known()) return;
  const double tokens = tokens_ + lowest_ * (at - base_) - scene.count(base_, never);
  if (tokens < burst_) return;
  base_ = at;
  tokens_ = burst_;
  anchors_.clear();
}

void Bucket::save(Model& model) const {
  model.lowest_rate = lowest_;
  model.highest_rate = highest_;
  model.burst = burst_;
  model.bucket_bits = bits();
  model.conflicts = conflicts_;
}

void Bucket::restore(const Model& model, Seconds now) {
  lowest_ = model.lowest_rate;
  highest_ = model.highest_rate;
  burst_ = model.burst;
  evidence_.set_bits(model.bucket_bits);
  conflicts_ = model.conflicts;
  base_ = now;
  tokens_ = burst_;
}

std::string Bucket::name() const {
  char text[64];
  if (!known()) return "not known yet";
  std::snprintf(text, sizeof text, "token bucket of about %.3g/s", std::sqrt(lowest_ * highest_));
  return text;
}

}  // namespace usersyncd::rate
