// SPDX-License-Identifier: Apache-2.0
#include "drivers/modbus/modbus.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

#include "drivers/modbus/bus.h"

namespace vigile {

namespace modbus {

namespace {

constexpr std::array kMetrics = {
    MetricSpec{"response_time", "response_time", "float", "ms",
               "mean, from a request to its answer; of this run"},
    MetricSpec{"modbus_requests", "requests", "int", "1", "requests of this run"},
    MetricSpec{"modbus_errors", "errors", "int", "1", "of them, those not answered with values"},
    MetricSpec{"modbus_not_available", kLeftOutField, "int", "1", kLeftOutSource},
};

// A request that was refused is split, and stays so. What was only a bad moment of the device is thus made
// good again.
constexpr std::chrono::hours kPlanAgainEvery{1};

// A unit that answers nothing rightly is given up for the run after this many requests with a wrong answer.
constexpr int kMostWrong = 3;
// And after this many in a row that it did not answer; after one, when it answered none of the run before,
// for each costs the time-out.
constexpr int kMostSilent = 3;

class ModbusDriver final : public Driver {
 public:
  ModbusDriver(ModbusSettings settings, const Clock& clock)
      : settings_(std::move(settings)), clock_(clock), bus_(Bus::shared(settings_.line, clock)) {
    for (const Register& one : settings_.registers) {
      const std::string unit = std::to_string(one.unit_id);
      if (std::find(units_.begin(), units_.end(), unit) == units_.end()) units_.push_back(unit);
    }
  }

  Result<void> sample(const SampleContext& context, Output& out) override {
    const Patience patience{context.deadline, context.stop};
    ++runs_;
    Run run;
    run.readings.resize(settings_.registers.size());
    if (auto turn = bus_->take_turn(patience)) {
      read_all(*turn, patience, run);
    } else {
      run.keep(turn.error());
      run.given_up = true;
    }
    emit(run, out);
    if (context.stop.stop_requested() && run.error) return *run.error;
    // A line that other instances hold says nothing about this one's units.
    const bool never_asked = run.given_up && run.requests == 0;
    const bool any_failed = std::any_of(run.units.begin(), run.units.end(), [](const auto& unit) {
      return unit.second.has_failed && !unit.second.has_answered;
    });
    if (any_failed || run.unreachable || (run.given_up && !never_asked)) {
      out.availability(false, std::nullopt, run.error->message);
    } else if (!never_asked) {
      out.availability(true, run.response_ms(), "");
    }
    if (!run.error) return {};
    if (run.failures < 2) return *run.error;
    return Error{run.error->kind,
                 run.error->message + " (and " + std::to_string(run.failures - 1) + " more requests)"};
  }

 private:
  // How one unit fares in a run.
  struct Unit {
    bool has_answered = false;  // with values, or an exception of its own
    bool has_failed = false;    // a request was not answered, or wrongly
    bool has_read = false;
    bool was_split = false;  // a request was split that it may have refused for another cause than its extent
    bool is_absent = false;  // not asked any more in this run
    bool was_absent = false;  // it answered nothing in the run before
    int silent = 0;           // requests in a row that it did not answer
    int wrong = 0;            // requests that it answered wrongly
  };

  struct Run {
    std::vector<std::optional<Reading>> readings;
    std::map<int, Unit> units;
    bool unreachable = false;
    bool given_up = false;
    int requests = 0, errors = 0, answers = 0, failures = 0;
    double total_ms = 0;
    std::optional<Error> error;  // the first

    std::optional<double> response_ms() const {
      if (answers == 0) return std::nullopt;
      return total_ms / answers;
    }
    void keep(const Error& one) {
      ++failures;
      if (!error) error = one;
    }
  };

  void read_all(Bus::Turn& turn, const Patience& patience, Run& run) {
    using What = Outcome::What;
    if (plan_.empty() || clock_.boot() >= plan_again_at_) {
      plan_ = plan_requests(settings_.registers, settings_.limits);
      plan_again_at_ = clock_.boot() + kPlanAgainEvery;
    }
    const Manner manner{settings_.timeout, settings_.delay, settings_.retries};
    for (std::size_t i = 0; i < plan_.size() && !run.unreachable && !run.given_up;) {
      const auto [place, is_new] = run.units.try_emplace(plan_[i].unit_id);
      Unit& unit = place->second;
      if (is_new) unit.was_absent = absent_.count(plan_[i].unit_id) > 0;
      if (unit.is_absent) {
        ++i;
        continue;
      }
      const Outcome outcome = turn.read(plan_[i], manner, patience, values_);
      run.requests += outcome.requests;
      run.errors += outcome.errors;
      plan_[i].silent_run = outcome.what == What::silent ? runs_ : 0;
      if (outcome.what == What::read || outcome.what == What::refused) {
        ++run.answers;
        run.total_ms += outcome.response_ms;
        unit.has_answered = true;
        unit.silent = 0;
      }
      if (outcome.what == What::read) {
        unit.has_read = true;
        decode(plan_[i], run);
      } else if (may_be_split(outcome, plan_[i])) {
        unit.was_split = unit.was_split || !is_of_extent(outcome);
        auto [first, second] = split(plan_[i], settings_.registers);
        plan_[i] = std::move(second);
        plan_.insert(plan_.begin() + static_cast<std::ptrdiff_t>(i), std::move(first));
        continue;
      } else {
        run.keep(*outcome.error);
        take_failure(outcome, unit, run);
      }
      ++i;
    }
    learn(run);
  }

  static void take_failure(const Outcome& outcome, Unit& unit, Run& run) {
    using What = Outcome::What;
    unit.has_failed = unit.has_failed || outcome.what == What::absent || outcome.what == What::silent ||
                      outcome.what == What::wrong;
    switch (outcome.what) {
      case What::absent:
        unit.is_absent = true;
        break;
      case What::silent:
        unit.is_absent = ++unit.silent >= (unit.was_absent && !unit.has_answered ? 1 : kMostSilent);
        break;
      case What::wrong:
        unit.is_absent = ++unit.wrong >= kMostWrong && !unit.has_answered;
        break;
      case What::unreachable:
        run.unreachable = true;
        break;
      case What::given_up:
        run.given_up = true;
        break;
      case What::read:
      case What::refused:
        break;
    }
  }

  // For the next run.
  void learn(const Run& run) {
    for (const auto& [id, unit] : run.units) {
      if (unit.has_answered) {
        absent_.erase(id);
      } else if (unit.is_absent) {
        absent_.insert(id);
      }
    }
    // What is not answered comes last, the latest at the end, so that it never keeps the unit's other
    // requests from being asked.
    std::stable_sort(plan_.begin(), plan_.end(),
                     [](const Request& a, const Request& b) { return a.silent_run < b.silent_run; });
    // Nothing was won by splitting: the unit as a whole had a bad moment.
    const bool in_vain = std::any_of(run.units.begin(), run.units.end(), [](const auto& unit) {
      return unit.second.was_split && !unit.second.has_read;
    });
    if (in_vain) plan_.clear();
  }

  // Illegal address: one of them is not there. Illegal value: more at once than it answers.
  static bool is_of_extent(const Outcome& outcome) {
    return outcome.exception == 2 || outcome.exception == 3;
  }

  // Devices refuse an address that they do not have with other exceptions, too; but not with those that say
  // "later" (5 and 6).
  static bool may_be_split(const Outcome& outcome, const Request& request) {
    return outcome.what == Outcome::What::refused && outcome.exception != 5 && outcome.exception != 6 &&
           request.entries.size() > 1;
  }

  void decode(const Request& request, Run& run) {
    for (const std::size_t entry : request.entries) {
      const Register& one = settings_.registers[entry];
      const auto at = static_cast<std::size_t>(one.address - request.first);
      if (has_bits(one.kind)) {
        run.readings[entry] = values_.bits[at] != 0;
      } else {
        run.readings[entry] =
            decode_words(one, std::span(values_.words).subspan(at, static_cast<std::size_t>(one.count)));
        if (!run.readings[entry]) left_out_.add();
      }
    }
  }

  void emit(const Run& run, Output& out) {
    const std::array<Tag, 2> tags = {Tag{"address", settings_.line.shown}, Tag{"unit", ""}};
    for (const std::string& unit : units_) {
      list_.clear();
      for (std::size_t i = 0; i < run.readings.size(); ++i) {
        const Register& one = settings_.registers[i];
        if (!run.readings[i] || std::to_string(one.unit_id) != unit) continue;
        list_.push_back({one.name, one.name,
                         std::visit([](const auto& value) { return Number(value); }, *run.readings[i])});
      }
      if (list_.empty()) continue;
      const std::array<Tag, 2> with_unit = {tags[0], Tag{"unit", unit}};
      out.add({.measurement = "modbus", .tags = with_unit, .values = list_});
    }
    list_.clear();
    if (const auto ms = run.response_ms()) list_.push_back({kMetrics[0].name, kMetrics[0].field, *ms});
    list_.push_back({kMetrics[1].name, kMetrics[1].field, std::int64_t{run.requests}});
    list_.push_back({kMetrics[2].name, kMetrics[2].field, std::int64_t{run.errors}});
    if (const auto count = left_out_.end_run())
      list_.push_back({kMetrics[3].name, kMetrics[3].field, *count});
    out.add({.measurement = "modbus", .tags = {tags.data(), 1}, .values = list_});
  }

  const ModbusSettings settings_;
  const Clock& clock_;
  const std::shared_ptr<Bus> bus_;  // shared by the instances on its line
  std::vector<std::string> units_;
  std::vector<Request> plan_;
  BootTime plan_again_at_;
  std::uint64_t runs_ = 0;
  std::set<int> absent_;  // units that answered nothing when they were asked last
  LeftOut left_out_;
  Values values_;
  std::vector<Value> list_;
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  auto settings = read_settings(options);
  if (!settings) return settings.error();
  return std::unique_ptr<Driver>(std::make_unique<ModbusDriver>(std::move(*settings), environment.clock));
}

}  // namespace

}  // namespace modbus

const DriverInfo kModbusDriver = {.name = "modbus",
                                  .summary =
                                      "Registers and coils of PLCs, drives and meters, over Modbus "
                                      "TCP or a serial line (RTU).",
                                  .options = modbus::option_table(),
                                  .metrics = modbus::kMetrics,
                                  .named_metrics = "Each entry of `registers` is one, by its name.",
                                  .named_by_rows = true,
                                  .may_block = true,
                                  .decides_availability = true,
                                  .series =
                                      [](const Options& options) {
                                        return options.text("address") + " " +
                                               std::to_string(options.integer("unit_id"));
                                      },
                                  .make = modbus::make};

}  // namespace vigile
