#include "rate/throughput.hpp"

#include <algorithm>

namespace usersyncd::rate {
namespace {

constexpr std::size_t most_anchors = 8;
constexpr double tolerance = 1.02;
constexpr double shallow_burst = 2;
constexpr Seconds least_time = 0.001;

}  // namespace

void Throughput::begin(Seconds now) {
  begin_ = now;
  anchors_ = {{now, count_, never, unused_}};
}

void Throughput::accepted(Seconds now) {
  count_ += 1;
  times_.add(now);
}

void Throughput::exhausted(Seconds now, double rate) {
  if (burst_ == 0) burst_ = std::max(1.0, count_);
  anchors_.push_back({now, count_, rate, unused_});
  if (anchors_.size() > most_anchors) anchors_.erase(anchors_.begin());
  slowed(rate);
}

void Throughput::slowed(double rate) {
  for (auto& anchor : anchors_) anchor.slowest = std::min(anchor.slowest, rate);
}

void Throughput::restart(Seconds now, double rate) {
  anchors_ = {{now, count_, rate, unused_}};
}

void Throughput::forget_all_but_last() {
  anchors_.erase(anchors_.begin(), anchors_.end() - 1);
}

Seconds Throughput::used_since(const Anchor& anchor, Seconds now) const {
  return std::max(least_time, now - anchor.at - (unused_ - anchor.unused));
}

Throughput::Measure Throughput::limit(Seconds now) const {
  // Who can save up but one loses some of it in the pause that follows each refusal.
  const bool shallow = burst_ < shallow_burst;
  double most_lost = shallow ? static_cast<double>(anchors_.size()) : 1;
  Measure lowest;
  for (const auto& anchor : anchors_) {
    const double accepted = count_ - anchor.count;
    const double rate = (accepted + most_lost) / used_since(anchor, now);
    if (shallow) most_lost -= 1;
    if (rate < lowest.rate && rate <= anchor.slowest * tolerance) lowest = {rate, accepted};
  }
  return lowest;
}

Throughput::Measure Throughput::average(Seconds now) const {
  const auto& last = anchors_.back();
  const double accepted = count_ - last.count;
  return {(accepted + 1) / used_since(last, now), accepted};
}

double Throughput::lately(Seconds now) const {
  const auto most = static_cast<double>(times_.size());
  if (most < 1) return never;
  const double few = std::clamp(std::min(burst_, count_ - anchors_.back().count), 1.0, most);
  return few / std::max(least_time, now - times_.last(static_cast<std::size_t>(few)));
}

double Throughput::excess(Seconds now, double limit) const {
  const auto& last = anchors_.back();
  return count_ - last.count - limit * (now - last.at);
}

double Throughput::rate_from_start(Seconds now) const {
  return std::max(1.0, count_) / std::max(least_time, now - begin_);
}

}  // namespace usersyncd::rate
