// SPDX-License-Identifier: Apache-2.0
#include "drivers/can/can.h"

#include <linux/can/error.h>

#include <optional>
#include <utility>

#include "drivers/can/bus.h"
#include "drivers/can/can_driver.h"
#include "drivers/can/signal_table.h"

namespace vigile {

namespace can {

namespace {

constexpr std::size_t kMostFrames = 100'000;  // a run

struct FrameCounts {
  std::int64_t frames = 0;
  std::int64_t errors = 0;
  std::int64_t bus_offs = 0;
};

// What is left out of a DBC file, as one error: the first, with how many more there are.
Error summary_of(const std::vector<Error>& left_out) {
  Error error = left_out.front();
  if (left_out.size() > 1)
    error.message += " (and " + std::to_string(left_out.size() - 1) + " more; vigiled --check names them)";
  return error;
}

class CanDriver final : public Driver {
 public:
  CanDriver(CanSettings settings, const Clock& clock, OpenBus open)
      : settings_(std::move(settings)), clock_(clock), open_(std::move(open)) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto done = read_on(context, out);
    if (done) {
      out.availability(true, std::nullopt, "");
      // Once, after the first run: the rest of the file serves.
      if (const auto left_out = std::exchange(left_out_of_file_, {}); !left_out.empty())
        return summary_of(left_out);
    } else {
      if (done.error().kind != ErrorKind::timeout) bus_.reset();
      out.availability(false, std::nullopt, done.error().message);
    }
    return done;
  }

 private:
  Result<void> read_on(const SampleContext& context, Output& out) {
    if (!table_) {
      // No I/O before the first run: the file of a site may come later than its settings.
      left_out_of_file_.clear();
      auto signals = read_signals(settings_, left_out_of_file_);
      if (!signals) return signals.error();
      table_.emplace(std::move(*signals), clock_.boot());
    }
    if (!bus_) {
      auto opened = open_(settings_.interface, table_->filters());
      if (!opened) return opened.error();
      bus_ = std::move(*opened);
    }
    table_->begin_run();
    const auto counts = read_frames(context);
    if (!counts) return counts.error();
    emit(*counts, out);
    if (settings_.max_age.count() == 0) return {};
    const std::string late = table_->late_since(clock_.boot() - settings_.max_age);
    if (late.empty()) return {};
    return Error{ErrorKind::timeout, settings_.interface + ": " + late};
  }

  Result<FrameCounts> read_frames(const SampleContext& context) {
    FrameCounts counts;
    const BootTime enough = context.started + (context.deadline - context.started) / 2;
    Frame frame;
    for (std::size_t i = 0; i < kMostFrames; ++i) {
      if (i % 256 == 255 && (clock_.boot() >= enough || context.stop.stop_requested())) break;
      const auto got = bus_->read(frame);
      if (!got) return got.error();
      if (!*got) break;
      if (frame.is_error) {
        ++counts.errors;
        if ((frame.id & CAN_ERR_BUSOFF) != 0) ++counts.bus_offs;
      } else if (table_->take(frame, clock_.boot(), left_out_)) {
        ++counts.frames;
      }
    }
    return counts;
  }

  void emit(const FrameCounts& counts, Output& out) {
    table_->emit(settings_.interface, out);
    const auto metrics = metric_table();
    std::vector<Value> values = {
        {metrics[0].name, metrics[0].field, counts.frames},
        {metrics[1].name, metrics[1].field, counts.errors},
        {metrics[2].name, metrics[2].field, counts.bus_offs},
        {metrics[3].name, metrics[3].field, static_cast<std::int64_t>(bus_->lost())}};
    if (const auto count = left_out_.end_run()) values.push_back({metrics[4].name, metrics[4].field, *count});
    const Tag tag{"interface", settings_.interface};
    out.add({.measurement = "can", .tags = {&tag, 1}, .values = values});
  }

  const CanSettings settings_;
  const Clock& clock_;
  const OpenBus open_;
  std::unique_ptr<Bus> bus_;
  std::optional<SignalTable> table_;
  std::vector<Error> left_out_of_file_;  // until it is reported
  LeftOut left_out_;
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  return make_can(options, environment, &Bus::open);
}

Result<std::vector<std::string>> check_files(const Options& options) {
  const auto settings = read_settings(options);
  if (!settings) return settings.error();
  std::vector<Error> left_out;
  if (const auto signals = read_signals(*settings, left_out); !signals) return signals.error();
  std::vector<std::string> notes;
  for (const Error& error : left_out) notes.push_back(error.message);
  return notes;
}

}  // namespace

Result<std::unique_ptr<Driver>> make_can(const Options& options, const DriverEnvironment& environment,
                                         OpenBus open) {
  auto settings = read_settings(options);
  if (!settings) return settings.error();
  return std::unique_ptr<Driver>(
      std::make_unique<CanDriver>(std::move(*settings), environment.clock, std::move(open)));
}

}  // namespace can

const DriverInfo kCanDriver = {
    .name = "can",
    .summary = "Signals out of the frames of a CAN bus, described here or by a DBC file.",
    .options = can::option_table(),
    .metrics = can::metric_table(),
    .named_metrics = "Each entry of `signals`, and each signal of the DBC file, is one, by its name.",
    .may_block = true,
    .decides_availability = true,
    .make = can::make,
    .check_files = can::check_files};

}  // namespace vigile
