// SPDX-License-Identifier: Apache-2.0
#include "sampling/instance.h"

#include <exception>
#include <type_traits>
#include <utility>

#include "core/units.h"
#include "sampling/point_readings.h"

namespace vigile {

namespace {

template <class Variant>
std::optional<double> as_double(const Variant& number) {
  return std::visit(
      [](const auto& value) -> std::optional<double> {
        if constexpr (std::is_convertible_v<decltype(value), std::string_view>) {
          return std::nullopt;
        } else {
          return static_cast<double>(value);
        }
      },
      number);
}

}  // namespace

// Encodes what the driver gives, at once, and shows it to the observer.
class Instance::Collector final : public Output {
 public:
  Collector(Instance& instance, const Timeline::Mapping& mapping, BootTime started, std::stop_token stop)
      : instance_(instance), mapping_(mapping), started_(started), stop_(std::move(stop)) {}

  void add(const Sample& sample) override {
    const BootTime time = sample.time.value_or(started_);
    Sample selected = sample;
    if (has_own_names(sample)) selected.values = named(sample);
    if (instance_.selection_.has_rules()) selected.values = select(selected.values);
    if (instance_.observer_ != nullptr) show(selected, time);
    if (instance_.changes_.is_active()) selected.values = changed(selected, time);
    if (!selected.values.empty()) instance_.writer_.write(selected, mapping_.stamp(time));
  }
  Result<void> add_point(const Point& point, PointOrigin origin) override {
    const BootTime now = instance_.clock_.boot();
    const std::int64_t now_ns = mapping_.stamp(now);
    const bool is_known = mapping_.clock != ClockState::unset;
    const auto known_ns = is_known ? std::optional(now_ns) : std::nullopt;
    if (origin == PointOrigin::agent)  // the rules of its own agent were applied to it
      return instance_.writer_.write_point(point, origin, now_ns, known_ns);
    const MetricNamer& namer = instance_.options_.namer;
    Point selected = point;
    if (instance_.selection_.has_rules() && !select_readings(selected, instance_.selection_, namer))
      return {};
    Point written = selected;
    if (!instance_.changes_.is_active() || keep_changed_readings(written, instance_.changes_, namer, now)) {
      auto done = instance_.writer_.write_point(std::move(written), origin, now_ns, known_ns);
      if (!done) return done;
    }
    if (instance_.observer_ != nullptr) show(selected, now);
    return {};
  }
  Result<void> commit() override {
    if (!instance_.commit_) return Error{ErrorKind::unavailable, "there is no log to commit to"};
    std::vector<NewSegment> segments;
    const auto add_lines = [&](ClockState clock, const LineWriter::Lines& lines) {
      if (lines.points == 0) return;
      NewSegment& segment = segments.emplace_back();
      segment.clock = clock;
      segment.first_ns = lines.first_ns;
      segment.last_ns = lines.last_ns;
      segment.points = lines.points;
      segment.lines = lines.text;
    };
    add_lines(mapping_.clock, instance_.writer_.lines());
    add_lines(ClockState::set, instance_.writer_.dated_lines());
    points_ += instance_.writer_.lines().points + instance_.writer_.dated_lines().points;
    instance_.writer_.clear();
    return instance_.commit_(segments);
  }
  // Of what was committed on the way.
  std::uint64_t points() const { return points_; }
  void availability(bool up, std::optional<double> response_time_ms, std::string_view reason) override {
    if (!instance_.options_.decides_availability || decided_) return;
    // A driver that was told to stop has not been without an answer.
    if (!up && stop_.stop_requested()) return;
    decided_ = true;
    instance_.writer_.write_availability(up, response_time_ms, mapping_.stamp(started_));
    if (instance_.observer_ != nullptr) {
      instance_.observer_->availability(instance_.equipment_id_, instance_.options_.name, up, reason,
                                        started_);
    }
  }

 private:
  // Of a measurement that the source named itself; the driver's own have the names of its table.
  bool has_own_names(const Sample& sample) const {
    return instance_.options_.namer && sample.measurement != instance_.options_.driver;
  }
  // With the names that they have in answers. Valid until the next call.
  std::span<const Value> named(const Sample& sample) {
    std::vector<Value>& values = instance_.named_values_;
    std::vector<std::string>& names = instance_.own_names_;
    values.assign(sample.values.begin(), sample.values.end());
    names.clear();
    names.reserve(values.size());  // so that the views stay valid
    for (Value& value : values) {
      names.push_back(metric_name_of(instance_.options_.namer, sample.measurement, value.field));
      if (!names.back().empty()) value.metric = names.back();
    }
    return values;
  }
  // Valid until the next call.
  std::span<const Value> select(std::span<const Value> values) {
    std::vector<Value>& selected = instance_.selected_values_;
    std::vector<std::string>& names = instance_.new_names_;
    selected.clear();
    names.clear();
    names.reserve(values.size());  // so that the views stay valid
    for (const Value& value : values) {
      const std::string* const name = instance_.selection_.name_of(value.metric);
      if (name == nullptr) continue;
      selected.push_back(value);
      if (*name == value.metric) continue;
      names.push_back(*name);
      selected.back().metric = names.back();
      selected.back().field = names.back();
    }
    return selected;
  }
  std::span<const Value> changed(const Sample& sample, BootTime time) {
    std::vector<Value>& selected = instance_.selected_values_;
    if (sample.values.data() != selected.data()) selected.assign(sample.values.begin(), sample.values.end());
    std::erase_if(selected, [&](const Value& value) {
      return !instance_.changes_.passes(value.metric, sample.tags, value.number, time);
    });
    return selected;
  }

  void show(const Sample& sample, BootTime time) {
    std::vector<Tag>& tags = instance_.observed_tags_;
    tags.assign(sample.tags.begin(), sample.tags.end());
    for (const auto& [key, value] : instance_.options_.tags) tags.push_back(Tag{key, value});
    for (const Value& value : sample.values) {
      if (const auto number = as_double(value.number)) {
        instance_.observer_->value(instance_.equipment_id_, value.metric, tags, *number, time);
      }
    }
  }
  // Limits speak of what is now: of a point that came without a time.
  void show(const Point& point, BootTime now) {
    if (point.time_ns) return;
    std::vector<Tag>& tags = instance_.observed_tags_;
    tags.clear();
    for (const auto& [key, value] : point.tags) {
      if (key != "metric_name" && key != "equipment_id") tags.push_back(Tag{key, value});
    }
    for (const auto& [key, value] : instance_.options_.tags) tags.push_back(Tag{key, value});
    for (const auto& [key, value] : point.fields) {
      const auto number = as_double(value);
      const std::string name = reading_name(point, key, instance_.options_.namer);
      if (!number || name.empty()) continue;
      instance_.observer_->value(instance_.equipment_id_, name, tags, *number, now);
    }
  }

  Instance& instance_;
  const Timeline::Mapping& mapping_;
  const BootTime started_;
  const std::stop_token stop_;
  bool decided_ = false;
  std::uint64_t points_ = 0;
};

Instance::Instance(InstanceOptions options, const EquipmentIdentity& equipment, const WireFormat& format,
                   std::unique_ptr<Driver> driver, const Clock& clock, Timeline& timeline, LineIntake intake,
                   SampleObserver* observer, LineCommit commit)
    : options_(std::move(options)),
      equipment_id_(equipment.id),
      clock_(clock),
      timeline_(timeline),
      intake_(std::move(intake)),
      commit_(std::move(commit)),
      observer_(observer),
      driver_(std::move(driver)),
      writer_(format, equipment, options_.tags),
      selection_(options_.metrics),
      changes_(options_.report, options_.every / 2),
      failure_("driver " + options_.name),
      stuck_("run of driver " + options_.name) {
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
  Phase phase = Phase::idle;
  std::chrono::nanoseconds age{};
  bool in_time = true;  // the run before
  {
    const MutexLock lock(mutex_);
    in_time = status_.last_duration <= options_.deadline;
    phase = phase_;
    age = now - since_;
    if (phase == Phase::idle) {
      phase_ = Phase::queued;
      since_ = now;
    } else {
      ++status_.late_ticks;
    }
  }
  if (phase == Phase::idle && in_time) stuck_.succeeded();
  if (phase != Phase::running || age <= options_.deadline) return phase == Phase::idle;
  stuck_.failed("it has not ended by the deadline, " + format_duration(options_.deadline));
  if (observer_ != nullptr && options_.decides_availability) {
    // Whole seconds, unless it is about fractions of one.
    const auto unit =
        options_.deadline < std::chrono::seconds(1) ? std::chrono::milliseconds(1) : std::chrono::seconds(1);
    observer_->availability(equipment_id_, options_.name, false,
                            "no answer for " + format_duration(age - age % unit), now);
  }
  return false;
}

void Instance::count_late(std::uint64_t ticks) {
  const MutexLock lock(mutex_);
  status_.late_ticks += ticks;
}

void Instance::run(std::stop_token stop) {
  const BootTime started = clock_.boot();
  {
    const MutexLock lock(mutex_);
    phase_ = Phase::running;
    since_ = started;
  }
  const Timeline::Mapping mapping = timeline_.now();
  writer_.clear();
  Collector out(*this, mapping, started, stop);
  std::string error;
  ErrorKind error_kind = ErrorKind::io;
  bool may_ask = true;
  try {
    const SampleContext context{started, started + options_.deadline, stop};
    const Result<void> result = driver_->sample(context, out);
    if (!result) {
      error = result.error().message;
      error_kind = result.error().kind;
      may_ask = error_kind != ErrorKind::permission;
    }
  } catch (const std::exception& thrown) {  // a library's, or out of memory: this driver's failure alone
    error = std::string("internal error: ") + thrown.what();
  } catch (...) {
    error = "internal error: something that is no exception was thrown";
  }
  if (!error.empty()) {
    // What decides availability and cannot answer is not available; a driver that has said so already is not
    // asked again. What we are not allowed to ask may well be up.
    if (may_ask) out.availability(false, std::nullopt, error);
    failure_.failed(error);
  } else {
    failure_.succeeded();
  }
  if (writer_.left_out() > 0 && !has_said_left_out_) {
    has_said_left_out_ = true;
    log::warning("driver " + options_.name +
                 ": a number past 9223372036854775807 is left out; the setting unsigned has it written");
  }
  const LineWriter::Lines& lines = writer_.lines();
  if (lines.points > 0) intake_(mapping.clock, lines);
  const LineWriter::Lines& dated = writer_.dated_lines();
  if (dated.points > 0) intake_(ClockState::set, dated);

  const MutexLock lock(mutex_);
  phase_ = Phase::idle;
  status_.last_run = clock_.wall();
  status_.last_duration = clock_.boot() - started;
  status_.last_error = std::move(error);
  status_.last_error_kind = error_kind;
  ++status_.runs;
  if (!status_.last_error.empty()) ++status_.errors;
  status_.left_out = writer_.left_out();
  status_.points += out.points() + lines.points + dated.points;
}

InstanceStatus Instance::status() const {
  const MutexLock lock(mutex_);
  InstanceStatus status = status_;
  status.running = phase_ == Phase::running;
  const auto age = clock_.boot() - since_;
  if (phase_ == Phase::queued) status.queued_for = age;
  if (phase_ == Phase::running && age > options_.deadline) status.stuck_for = age;
  return status;
}

}  // namespace vigile
