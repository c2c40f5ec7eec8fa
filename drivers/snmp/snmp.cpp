// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/snmp.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "drivers/kernel_text/name_filter.h"
#include "drivers/kernel_text/scan.h"
#include "drivers/scale/scale.h"
#include "drivers/snmp/counter_rate.h"
#include "drivers/snmp/interface_table.h"
#include "drivers/snmp/next_rows.h"
#include "drivers/snmp/snmp_session.h"
#include "drivers/snmp/snmp_settings.h"
#include "drivers/snmp/table_group.h"
#include "drivers/snmp/table_walk.h"

namespace vigile {

namespace snmp {

namespace {

// First those of an interface, in the order of Traffic; then its state; then the agent's own.
constexpr std::array kMetrics = {
    MetricSpec{"network_rx_bytes_per_s", "rx_bytes_per_s", "float", "bytes/s", "ifHCInOctets or ifInOctets"},
    MetricSpec{"network_tx_bytes_per_s", "tx_bytes_per_s", "float", "bytes/s",
               "ifHCOutOctets or ifOutOctets"},
    MetricSpec{"network_rx_packets_per_s", "rx_packets_per_s", "float", "1/s",
               "ifHCIn…Pkts: unicast, multicast, broadcast; or ifInUcastPkts"},
    MetricSpec{"network_tx_packets_per_s", "tx_packets_per_s", "float", "1/s",
               "ifHCOut…Pkts: unicast, multicast, broadcast; or ifOutUcastPkts"},
    MetricSpec{"network_rx_errors_per_s", "rx_errors_per_s", "float", "1/s", "ifInErrors"},
    MetricSpec{"network_tx_errors_per_s", "tx_errors_per_s", "float", "1/s", "ifOutErrors"},
    MetricSpec{"network_rx_drops_per_s", "rx_drops_per_s", "float", "1/s", "ifInDiscards"},
    MetricSpec{"network_tx_drops_per_s", "tx_drops_per_s", "float", "1/s", "ifOutDiscards"},
    MetricSpec{"network_up", "up", "bool", "1", "ifOperStatus: up(1)"},
    MetricSpec{"network_speed", "speed", "float", "Mbit/s", "ifHighSpeed or ifSpeed"},
    MetricSpec{"response_time", "response_time", "float", "ms",
               "mean, from a request to its answer; of this run"},
    MetricSpec{"snmp_requests", "requests", "int", "1", "requests of this run"},
    MetricSpec{"snmp_errors", "errors", "int", "1", "of them, those that were not answered"},
    MetricSpec{"uptime", "uptime", "float", "s", "sysUpTime"},
    MetricSpec{"snmp_not_available", kLeftOutField, "int", "1", kLeftOutSource},
};
constexpr std::size_t kUp = 8, kSpeed = 9, kResponseTime = 10, kRequests = 11, kErrors = 12, kUptime = 13,
                      kNotAvailable = 14;

constexpr std::size_t kGetsAtOnce = 24;

Value value_of(std::size_t metric, Number number) {
  return {kMetrics[metric].name, kMetrics[metric].field, number};
}

class SnmpDriver final : public Driver {
 public:
  SnmpDriver(SnmpSettings settings, const Clock& clock)
      : settings_(std::move(settings)),
        clock_(clock),
        filter_(settings_.only_interfaces, settings_.except_interfaces),
        session_(settings_.peer, settings_.access, settings_.timeout, settings_.retries, clock),
        groups_(table_groups(settings_.tables)),
        next_rows_(session_, settings_.access.version > 1, clock) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const Patience patience{context.deadline, context.stop};
    session_.reset_figures();
    first_error_.reset();
    failures_ = 0;
    uptime_.reset();
    auto done = read_all(patience, out);
    if (context.stop.stop_requested())
      return done ? Error{ErrorKind::unavailable, settings_.peer.shown + ": stopped"} : done.error();
    add_own(out);
    const auto& figures = session_.figures();
    if (figures.answers == 0 && !done) {
      out.availability(false, std::nullopt, done.error().message);
    } else if (!done && is_silence(done.error())) {
      out.availability(false, std::nullopt, done.error().message);
    } else {
      out.availability(true, figures.total_ms / figures.answers, "");
    }
    if (!done) return done;
    if (!first_error_) return {};
    if (failures_ < 2) return *first_error_;
    return Error{first_error_->kind,
                 first_error_->message + " (and " + std::to_string(failures_ - 1) + " more)"};
  }

 private:
  static bool is_silence(const Error& error) {
    return error.kind == ErrorKind::timeout || error.kind == ErrorKind::permission ||
           error.kind == ErrorKind::unavailable;
  }

  // Errors here end the run; what goes wrong with single values is kept.
  Result<void> read_all(const Patience& patience, Output& out) {
    bool begun = false;
    std::vector<Value> values;
    std::vector<std::pair<const Entry*, Reading>> readings;
    for (std::size_t first = 0; first == 0 || first < settings_.gets.size(); first += kGetsAtOnce) {
      const auto entries = std::span<const Entry>(settings_.gets)
                               .subspan(first, std::min(kGetsAtOnce, settings_.gets.size() - first));
      if (auto got = get(entries, !begun, patience, readings); !got) return got;
      begun = true;
    }
    for (const auto& [entry, reading] : readings) values.push_back(named(*entry, reading));
    const Tag tag{"address", settings_.peer.shown};
    if (!values.empty()) out.add({.measurement = "snmp", .tags = {&tag, 1}, .values = values});
    if (auto walked = read_tables(patience, out); !walked) return walked;
    if (settings_.interfaces) {
      if (auto read = add_interfaces(patience, out); !read) return read;
    }
    memory_.end();
    return {};
  }

  void keep(Error error) {
    ++failures_;
    if (!first_error_) first_error_ = std::move(error);
  }

  Error about(const Entry& entry, std::string_view cause, ErrorKind kind) const {
    return Error{kind, settings_.peer.shown + " " + entry.written + ": " + std::string(cause)};
  }

  static Value named(const Entry& entry, const Reading& reading) {
    return {entry.name, entry.name, std::visit([](const auto& value) { return Number(value); }, reading)};
  }

  // Some entries in one request, with the uptime in the first: it says whether counters began anew.
  Result<void> get(std::span<const Entry> entries, bool with_uptime, const Patience& patience,
                   std::vector<std::pair<const Entry*, Reading>>& readings) {
    std::vector<Oid> oids;
    if (with_uptime) oids.push_back({1, 3, 6, 1, 2, 1, 1, 3, 0});
    for (const Entry& entry : entries) oids.push_back(entry.oid);
    const auto answer = session_.get(oids, patience);
    if (!answer) return answer.error();
    const BootTime now = clock_.boot();
    if (answer->error_status != 0) return get_without(*answer, entries, with_uptime, patience, readings);
    if (answer->variables.size() != oids.size()) {
      if (oids.size() > 1) return get_halves(entries, with_uptime, patience, readings);
      const std::string cause =
          "the agent answers with " + std::to_string(answer->variables.size()) + " values for one";
      if (with_uptime) memory_.begin(now, uptime_);
      if (!entries.empty()) keep(about(entries.front(), cause, ErrorKind::parse));
      return {};
    }
    std::size_t at = 0;
    if (with_uptime) {
      const SnmpValue& value = answer->variables[at++].value;
      if (value.type == SnmpValue::Type::timeticks) uptime_ = static_cast<std::uint32_t>(value.count);
      memory_.begin(now, uptime_);
    }
    for (const Entry& entry : entries) {
      const VarBind& got = answer->variables[at++];
      if (got.oid != entry.oid) {
        keep(about(entry, "the agent answers with " + oid_text(got.oid), ErrorKind::parse));
      } else if (got.value.is_absent()) {
        keep(about(entry, absence(got.value.type), ErrorKind::not_found));
      } else if (auto reading = read(entry, got.value, "get " + entry.name, now)) {
        readings.emplace_back(&entry, *std::move(reading));
      }
    }
    return {};
  }

  Result<void> get_halves(std::span<const Entry> entries, bool with_uptime, const Patience& patience,
                          std::vector<std::pair<const Entry*, Reading>>& readings) {
    const std::size_t half = entries.size() / 2;
    if (auto got = get(entries.first(half), with_uptime, patience, readings); !got) return got;
    if (half == entries.size()) return {};
    return get(entries.subspan(half), false, patience, readings);
  }

  // After an answer with an error, which has no values: asks for the others without the one that is to blame.
  // So agents of version 1 say that they do not have one of them.
  Result<void> get_without(const Response& answer, std::span<const Entry> entries, bool with_uptime,
                           const Patience& patience,
                           std::vector<std::pair<const Entry*, Reading>>& readings) {
    const std::size_t asked = entries.size() + (with_uptime ? 1 : 0);
    auto blamed = static_cast<std::size_t>(std::max(answer.error_index, 0));
    if (asked == 1) blamed = 1;
    if (blamed == 0 || blamed > asked || (answer.error_status == kTooBig && asked > 1))
      return get_halves(entries, with_uptime, patience, readings);
    if (with_uptime && blamed == 1) {
      memory_.begin(clock_.boot(), uptime_);
      return entries.empty() ? Result<void>() : get(entries, false, patience, readings);
    }
    const std::size_t at = blamed - (with_uptime ? 2 : 1);
    const bool is_absent = answer.error_status == kNoSuchName;
    keep(about(entries[at],
               (is_absent ? "the agent has no such object (" : "the agent answers with ") +
                   std::string(error_status_name(answer.error_status)) + (is_absent ? ")" : ""),
               is_absent ? ErrorKind::not_found : ErrorKind::unavailable));
    if (with_uptime || at > 0) {
      if (auto got = get(entries.first(at), with_uptime, patience, readings); !got) return got;
    }
    if (at + 1 == entries.size()) return {};
    return get(entries.subspan(at + 1), false, patience, readings);
  }

  // Nothing when there is no value (a first rate), and when it is none, which is kept as an error.
  std::optional<Reading> read(const Entry& entry, const SnmpValue& value, const std::string& key,
                              BootTime when) {
    if (is_code(entry.not_available, value, entry.form.number)) {
      left_out_.add();
      return std::nullopt;
    }
    if (entry.form.as == As::rate) {
      if (value.type == SnmpValue::Type::bytes || value.type == SnmpValue::Type::other ||
          value.type == SnmpValue::Type::real) {
        keep(about(entry, "is no counter", ErrorKind::parse));
        return std::nullopt;
      }
      const auto rate = memory_.rate(key, value, when);
      if (!rate) return std::nullopt;
      return Reading(*rate * entry.form.scale + entry.form.offset);
    }
    auto reading = to_reading(value, entry.form);
    if (reading) return *std::move(reading);
    keep(about(entry, reading.error().message, reading.error().kind));
    return std::nullopt;
  }

  Result<void> read_tables(const Patience& patience, Output& out) {
    for (const TableGroup& group : groups_) {
      const auto table = walk_table(group.columns, settings_.max_repetitions, clock_,
                                    [&](std::span<const Oid> oids, int repetitions) {
                                      return next_rows_.after(oids, repetitions, patience);
                                    });
      if (!table) return table.error();
      add_rows(*table, group, out);
    }
    return {};
  }

  void add_rows(const Table& table, const TableGroup& group, Output& out) {
    std::set<const Entry*> seen;
    std::set<std::string> labels;  // two rows of one label would be one series
    for (const auto& [index, row] : table.rows) {
      std::string label = group.label(index, row);
      if (!labels.insert(label).second) label += " (" + oid_text(index) + ")";
      std::vector<std::pair<const Entry*, Reading>> readings;
      for (const Entry* entry : group.entries) {
        const auto& cell = row.cells[group.at(entry->oid)];
        if (!cell) continue;
        seen.insert(entry);
        auto reading = entry->is_combined()
                           ? combine(*entry, *cell, row, group)
                           : read(*entry, *cell, "table " + entry->name + " " + oid_text(index), row.when);
        if (reading) readings.emplace_back(entry, *std::move(reading));
      }
      std::vector<Value> values;
      for (const auto& [entry, reading] : readings) values.push_back(named(*entry, reading));
      if (values.empty()) continue;
      const std::array<Tag, 2> tags = {Tag{"address", settings_.peer.shown},
                                       Tag{group.entries.front()->tag, label}};
      out.add({.measurement = "snmp", .tags = tags, .values = values});
    }
    for (const Entry* entry : group.entries) {
      const std::string& fault = table.faults[group.at(entry->oid)];
      if (!fault.empty()) {
        keep(about(*entry, fault, ErrorKind::parse));
      } else if (!seen.contains(entry)) {
        keep(about(*entry, "the agent has no row of it", ErrorKind::not_found));
      }
    }
    if (table.cut)
      keep(about(*group.entries.front(),
                 "has more than " + std::to_string(kMostRows) + " rows; the rest is left out",
                 ErrorKind::full));
  }

  // Of several columns of the row. A row that has not all of them has no value.
  std::optional<Reading> combine(const Entry& entry, const SnmpValue& value, const TableRow& row,
                                 const TableGroup& group) {
    if (is_code(entry.not_available, value, entry.form.number)) {
      left_out_.add();
      return std::nullopt;
    }
    const auto number = to_number(value, entry.form.number);
    if (!number) {
      keep(about(entry, number.error().message, number.error().kind));
      return std::nullopt;
    }
    const auto factors = group.factors(entry, row);
    const auto result = factors ? combined(*number, *factors) : std::nullopt;
    if (!result) return std::nullopt;
    return Reading(scaled(*result, entry.form.scale, entry.form.offset));
  }

  Result<void> add_interfaces(const Patience& patience, Output& out) {
    const auto all =
        read_interfaces(settings_.max_repetitions, clock_, [&](std::span<const Oid> oids, int repetitions) {
          return next_rows_.after(oids, repetitions, patience);
        });
    if (!all) return all.error();
    for (const std::string& fault : all->faults)
      keep({ErrorKind::parse, settings_.peer.shown + " interfaces " + fault});
    std::set<std::string> chosen;
    for (const Interface& one : all->list) {
      if (!filter_.accepts(one.name)) continue;
      chosen.insert(one.name);
      std::array<Value, kMetrics.size()> values;
      std::size_t count = 0;
      for (std::size_t i = 0; i < kTraffics; ++i) {
        if (const auto rate = traffic_rate(memory_, one, static_cast<Traffic>(i)))
          values[count++] = value_of(i, two_decimals(*rate));
      }
      if (one.up) values[count++] = value_of(kUp, *one.up);
      if (one.speed_mbit) values[count++] = value_of(kSpeed, *one.speed_mbit);
      if (count == 0) continue;
      const std::array<Tag, 3> tags = {Tag{"address", settings_.peer.shown}, Tag{"alias", one.alias},
                                       Tag{"interface", one.name}};
      out.add({.measurement = "snmp", .tags = tags, .values = {values.data(), count}});
    }
    // One asked for by name, or a choice that matches nothing, must not go unnoticed.
    for (const std::string& wanted : filter_.chosen()) {
      if (is_plain_name(wanted) && !chosen.contains(wanted))
        keep({ErrorKind::not_found, settings_.peer.shown + ": no interface \"" + wanted + "\""});
    }
    if (chosen.empty() && !first_error_)
      keep({ErrorKind::not_found,
            settings_.peer.shown + (all->list.empty() ? ": the agent has no interfaces"
                                                      : ": no interface matches the options")});
    return {};
  }

  void add_own(Output& out) {
    std::array<Value, 5> values;
    std::size_t count = 0;
    const auto& figures = session_.figures();
    if (figures.answers > 0) values[count++] = value_of(kResponseTime, figures.total_ms / figures.answers);
    values[count++] = value_of(kRequests, std::int64_t{figures.requests});
    values[count++] = value_of(kErrors, std::int64_t{figures.requests - figures.answers});
    if (uptime_) values[count++] = value_of(kUptime, *uptime_ / 100.0);
    if (const auto left_out = left_out_.end_run()) values[count++] = value_of(kNotAvailable, *left_out);
    const Tag tag{"address", settings_.peer.shown};
    out.add({.measurement = "snmp", .tags = {&tag, 1}, .values = {values.data(), count}});
  }

  const SnmpSettings settings_;
  const Clock& clock_;
  const NameFilter filter_;
  SnmpSession session_;
  const std::vector<TableGroup> groups_;
  NextRows next_rows_;
  LeftOut left_out_;
  CounterMemory memory_;
  // Of the run:
  std::optional<std::uint32_t> uptime_;
  std::optional<Error> first_error_;
  int failures_ = 0;
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  auto settings = read_settings(options);
  if (!settings) return settings.error();
  return std::unique_ptr<Driver>(std::make_unique<SnmpDriver>(std::move(*settings), environment.clock));
}

}  // namespace

}  // namespace snmp

const DriverInfo kSnmpDriver = {
    .name = "snmp",
    .summary = "Values, tables and interface counters of switches, access points, UPS and other SNMP agents.",
    .options = snmp::option_table(),
    .metrics = snmp::kMetrics,
    .named_metrics = "Each entry of `get` and `tables` is one, by its name.",
    .named_by_rows = true,
    .may_block = true,
    .decides_availability = true,
    .series = [](const Options& options) { return options.text("address"); },
    .make = snmp::make};

}  // namespace vigile
