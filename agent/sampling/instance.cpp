// SPDX-License-Identifier: Apache-2.0
#include "sampling/instance.h"

#include <exception>
#include <utility>

namespace vigile {

// Encodes what the driver gives, at once.
class Instance::Collector final : public Output {
 public:
  Collector(LineWriter& writer, const Timeline::Mapping& mapping, BootTime started, bool decides)
      : writer_(writer), mapping_(mapping), started_(started), decides_(decides) {}

  void add(const Sample& sample) override {
    writer_.write(sample, mapping_.stamp(sample.time.value_or(started_)));
  }
  void availability(bool up, std::optional<double> response_time_ms, std::string_view /*reason*/) override {
    if (!decides_ || decided_) return;
    decided_ = true;
    writer_.write_availability(up, response_time_ms, mapping_.stamp(started_));
  }

 private:
  LineWriter& writer_;
  const Timeline::Mapping& mapping_;
  const BootTime started_;
  const bool decides_;
  bool decided_ = false;
};

Instance::Instance(InstanceOptions options, const EquipmentIdentity& equipment, const WireFormat& format,
                   std::unique_ptr<Driver> driver, const Clock& clock, Timeline& timeline, LineIntake intake)
    : options_(std::move(options)),
      equipment_id_(equipment.id),
      clock_(clock),
      timeline_(timeline),
      intake_(std::move(intake)),
      driver_(std::move(driver)),
      writer_(format, equipment, options_.tags),
      failure_("driver " + options_.name) {
  status_.name = options_.name;
  status_.driver = options_.driver;
  status_.equipment_id = equipment_id_;
  status_.every = options_.every;
}

BootTime Instance::next_tick(BootTime now, const Timeline::Mapping& mapping) const {
  const std::int64_t every = options_.every.count();
  const std::int64_t stamp = mapping.stamp(now);
  std::int64_t wait = every - ((stamp % every) + every) % every;
  // A timer that fires a little before its tick, or a clock that is slewed, must not make two ticks of one.
  if (wait < every / 2) wait += every;
  return now + std::chrono::nanoseconds(wait);
}

bool Instance::begin(BootTime now) {
  const MutexLock lock(mutex_);
  if (running_) {
    ++status_.late_ticks;
    return false;
  }
  running_ = true;
  started_ = now;
  return true;
}

void Instance::count_late(std::uint64_t ticks) {
  const MutexLock lock(mutex_);
  status_.late_ticks += ticks;
}

void Instance::run(std::stop_token stop) {
  const BootTime started = clock_.boot();
  {
    const MutexLock lock(mutex_);
    started_ = started;
  }
  const Timeline::Mapping mapping = timeline_.now();
  writer_.clear();
  Collector out(writer_, mapping, started, options_.decides_availability);
  std::string error;
  try {
    const SampleContext context{started, started + options_.deadline, stop};
    const Result<void> result = driver_->sample(context, out);
    if (!result) error = result.error().message;
  } catch (const std::exception& thrown) {  // a library's, or out of memory: this driver's failure alone
    error = std::string("internal error: ") + thrown.what();
  }
  if (!error.empty()) {
    // What decides availability and cannot answer is not available; a driver that has said so already is not
    // asked again.
    if (!stop.stop_requested()) out.availability(false, std::nullopt, error);
    failure_.failed(error);
  } else {
    failure_.succeeded();
  }
  const LineWriter::Lines& lines = writer_.lines();
  if (lines.points > 0) intake_(mapping.clock, lines);

  const MutexLock lock(mutex_);
  running_ = false;
  status_.last_run = clock_.wall();
  status_.last_duration = clock_.boot() - started;
  status_.last_error = std::move(error);
  ++status_.runs;
  if (!status_.last_error.empty()) ++status_.errors;
  status_.points += lines.points;
}

InstanceStatus Instance::status() const {
  const MutexLock lock(mutex_);
  InstanceStatus status = status_;
  status.running = running_;
  if (running_) {
    const auto age = clock_.boot() - started_;
    if (age > options_.deadline) status.stuck_for = age;
  }
  return status;
}

}  // namespace vigile
