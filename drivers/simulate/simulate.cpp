// SPDX-License-Identifier: Apache-2.0
#include "drivers/simulate/simulate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace vigile {

namespace {

constexpr std::array kServer = {
    SimulatedCurve{"cpu_usage", 35, 20, 12, 0, 100},  SimulatedCurve{"memory_usage", 55, 5, 2, 0, 100},
    SimulatedCurve{"disk_usage", 61, 1, 0.2, 0, 100}, SimulatedCurve{"response_time", 12, 4, 5, 0.1, 2000},
    SimulatedCurve{"temperature", 48, 6, 1, 15, 95},
};
constexpr std::array kNetworkDevice = {
    SimulatedCurve{"cpu_usage", 12, 6, 5, 0, 100},
    SimulatedCurve{"memory_usage", 40, 2, 1, 0, 100},
    SimulatedCurve{"response_time", 3, 1, 2, 0.1, 2000},
    SimulatedCurve{"temperature", 41, 4, 1, 15, 95},
};
constexpr std::array kCamera = {
    SimulatedCurve{"cpu_usage", 45, 10, 8, 0, 100},
    SimulatedCurve{"response_time", 20, 6, 10, 0.1, 2000},
    SimulatedCurve{"temperature", 38, 9, 1, -20, 80},
    SimulatedCurve{"frame_rate", 25, 0, 1, 0, 30},
};
constexpr std::array kMachine = {
    SimulatedCurve{"temperature", 62, 8, 1.5, 5, 140},
    SimulatedCurve{"pressure", 6.2, 0.4, 0.15, 0, 12},
    SimulatedCurve{"vibration", 2.1, 0.5, 0.4, 0, 20},
    SimulatedCurve{"power", 4200, 900, 250, 0, 12000},
};

constexpr std::array<MetricSpec, 10> kMetrics = {
    MetricSpec{"cpu_usage", "cpu_usage", "float", "percent", "made up"},
    MetricSpec{"memory_usage", "memory_usage", "float", "percent", "made up"},
    MetricSpec{"disk_usage", "disk_usage", "float", "percent", "made up"},
    MetricSpec{"response_time", "response_time", "float", "ms", "made up"},
    MetricSpec{"temperature", "temperature", "float", "°C", "made up"},
    MetricSpec{"frame_rate", "frame_rate", "float", "1/s", "made up"},
    MetricSpec{"pressure", "pressure", "float", "bar", "made up"},
    MetricSpec{"vibration", "vibration", "float", "mm/s", "made up"},
    MetricSpec{"power", "power", "float", "W", "made up"},
    MetricSpec{"simulate_seq", "seq", "int", "1", "number of the reading, an extra field of every line"},
};

constexpr std::array kOptions = {
    OptionSpec{.name = "seed",
               .type = OptionType::integer,
               .help = "The same seed gives the same readings.",
               .fallback = "1"},
    OptionSpec{.name = "type", .help = "Type of equipment to play; the equipment's own if absent."},
    OptionSpec{.name = "rate",
               .type = OptionType::number,
               .help = "Readings per second; 0: one of each metric a run.",
               .fallback = "0",
               .min = 0,
               .max = 1e6},
    OptionSpec{.name = "limit",
               .type = OptionType::integer,
               .help = "Readings after which it falls silent; 0: never.",
               .fallback = "0",
               .min = 0},
    OptionSpec{.name = "series",
               .type = OptionType::integer,
               .help = "Spread over this many series, told apart by tag series.",
               .fallback = "1",
               .min = 1,
               .max = 100000},
    OptionSpec{.name = "faults",
               .type = OptionType::number,
               .help = "Share of time in which it is not reachable, 0 to 1.",
               .fallback = "0",
               .min = 0,
               .max = 1},
};

constexpr std::uint64_t kPeriod = 8640;    // readings of a metric in its "day"
constexpr std::uint64_t kOutageRuns = 64;  // readings that share one fate
constexpr double kMostCatchUp =
    10;  // seconds of readings made up for in one run; the rest waits for the next

// splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// From 0 up to 1.
double unit(std::uint64_t seed, std::uint64_t number) {
  return static_cast<double>(mixed(mixed(seed) ^ number) >> 11) * 0x1p-53;
}

// A wave without a call of sin(): from -1 to 1 and back over `kPeriod`.
double wave(std::uint64_t turn) {
  const double x = static_cast<double>(turn % kPeriod) / static_cast<double>(kPeriod);
  const double triangle = x < 0.5 ? 4 * x - 1 : 3 - 4 * x;
  return triangle * (1.5 - 0.5 * triangle * triangle);
}

class SimulateDriver final : public Driver {
 public:
  SimulateDriver(const Options& options, const DriverEnvironment& environment)
      : seed_(static_cast<std::uint64_t>(options.integer("seed"))),
        rate_(options.number("rate")),
        limit_(static_cast<std::uint64_t>(options.integer("limit"))),
        faults_(options.number("faults")),
        curves_(simulated_curves(options.text("type").empty() ? environment.equipment.type
                                                              : options.text("type"))) {
    const auto series = static_cast<std::uint64_t>(options.integer("series"));
    for (std::uint64_t i = 0; series > 1 && i < series; ++i) series_.push_back(std::to_string(i));
  }

  Result<void> sample(const SampleContext& context, Output& out) override {
    const bool up = simulated_up(seed_, seq_, faults_);
    if (rate_ > 0) {
      // Readings that fall into an outage are made all the same: numbers have no holes.
      emit_due(context, out);
    } else if (up) {
      for (std::size_t i = 0; i < curves_.size() && !silent(); ++i) emit(out, std::nullopt);
    } else {
      seq_ += curves_.size();
    }
    const double response_ms = 1 + std::nearbyint(40'000 * unit(seed_ ^ 0x5eed, seq_)) / 1000;
    out.availability(up, up ? std::optional(response_ms) : std::nullopt, up ? "" : "simulated outage");
    return {};
  }

 private:
  bool silent() const { return limit_ > 0 && seq_ >= limit_; }

  void emit_due(const SampleContext& context, Output& out) {
    if (!began_) began_ = context.started;
    const double elapsed = std::chrono::duration<double>(context.started - *began_).count();
    auto due = static_cast<std::uint64_t>(elapsed * rate_);
    due = std::min(due, seq_ + static_cast<std::uint64_t>(kMostCatchUp * rate_) + 1);
    while (seq_ < due && !silent()) {
      const auto offset =
          std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(seq_) * 1e9 / rate_));
      emit(out, *began_ + offset);
    }
  }

  void emit(Output& out, std::optional<BootTime> time) {
    const std::string_view metric = curves_[static_cast<std::size_t>(seq_ % curves_.size())].metric;
    const Value value{metric, metric, simulated_value(curves_, seed_, seq_)};
    const ExtraField number{"seq", static_cast<std::int64_t>(seq_)};
    Sample sample{.measurement = "simulate", .values = {&value, 1}, .extra = {&number, 1}, .time = time};
    Tag tag{"series", {}};
    if (!series_.empty()) {
      tag.value = series_[static_cast<std::size_t>(seq_ / curves_.size() % series_.size())];
      sample.tags = {&tag, 1};
    }
    out.add(sample);
    ++seq_;
  }

  const std::uint64_t seed_;
  const double rate_;
  const std::uint64_t limit_;
  const double faults_;
  const std::span<const SimulatedCurve> curves_;
  std::vector<std::string> series_;  // tag values; empty for one series
  std::optional<BootTime> began_;
  std::uint64_t seq_ = 0;  // of the next reading
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  return std::unique_ptr<Driver>(std::make_unique<SimulateDriver>(options, environment));
}

}  // namespace

std::span<const SimulatedCurve> simulated_curves(std::string_view equipment_type) {
  if (equipment_type == "server" || equipment_type == "pc" || equipment_type == "video-recorder")
    return kServer;
  if (equipment_type == "camera") return kCamera;
  if (equipment_type == "switch" || equipment_type == "router" || equipment_type == "access_point")
    return kNetworkDevice;
  return kMachine;
}

double simulated_value(std::span<const SimulatedCurve> curves, std::uint64_t seed, std::uint64_t seq) {
  const SimulatedCurve& curve = curves[static_cast<std::size_t>(seq % curves.size())];
  const std::uint64_t turn = seq / curves.size();
  const double noise = 2 * unit(seed, seq) - 1;
  // One reading in a thousand is a spike: halfway to the end of the scale.
  const double spike = mixed(seed + seq) % 1000 == 0 ? (curve.most - curve.base) / 2 : 0;
  const double value = curve.base + curve.swing * wave(turn) + curve.noise * noise + spike;
  return std::nearbyint(std::clamp(value, curve.least, curve.most) * 1000) / 1000;
}

bool simulated_up(std::uint64_t seed, std::uint64_t seq, double faults) {
  return unit(seed ^ 0xfa17, seq / kOutageRuns) >= faults;
}

const DriverInfo kSimulateDriver = {
    .name = "simulate",
    .summary = "Plausible readings of a type of equipment from a seed, at any rate.",
    .options = kOptions,
    .metrics = kMetrics,
    .decides_availability = true,
    .make = make};

}  // namespace vigile
