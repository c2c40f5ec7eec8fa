// SPDX-License-Identifier: Apache-2.0
#include "drivers/wireless/wireless.h"

#include <algorithm>
#include <array>
#include <map>

#include "drivers/kernel_text/name_filter.h"
#include "drivers/kernel_text/scan.h"
#include "drivers/wireless/wireless_driver.h"

namespace vigile {

namespace wireless {

namespace {

constexpr std::array kOptions = {
    OptionSpec{.name = "interfaces",
               .type = OptionType::list,
               .help = "Names or patterns of interfaces; all that are wireless, if absent.",
               .fallback = ""},
};

constexpr std::array kMetrics = {
    MetricSpec{"wireless_connected", "connected", "int", "1",
               "stations that it is linked with; of a client 1 or 0"},
    MetricSpec{"wireless_frequency", "frequency", "int", "MHz", "NL80211_ATTR_WIPHY_FREQ"},
    MetricSpec{"wireless_signal", "signal", "int", "dBm",
               "NL80211_STA_INFO_SIGNAL; of an access point the weakest"},
    MetricSpec{"wireless_rx_bitrate", "rx_bitrate", "float", "Mbit/s",
               "NL80211_STA_INFO_RX_BITRATE; of a client"},
    MetricSpec{"wireless_tx_bitrate", "tx_bitrate", "float", "Mbit/s",
               "NL80211_STA_INFO_TX_BITRATE; of a client"},
    MetricSpec{"wireless_tx_retries_per_s", "tx_retries_per_s", "float", "1/s",
               "NL80211_STA_INFO_TX_RETRIES, all stations"},
    MetricSpec{"wireless_tx_failed_per_s", "tx_failed_per_s", "float", "1/s",
               "NL80211_STA_INFO_TX_FAILED, all stations"},
    MetricSpec{"wireless_connected_time", "connected_time", "int", "s",
               "NL80211_STA_INFO_CONNECTED_TIME; of a client"},
};

class WirelessDriver final : public Driver {
 public:
  WirelessDriver(const Options& options, const DriverEnvironment& environment, OpenNl80211 open)
      : clock_(environment.clock), filter_(options.list("interfaces"), {}), open_(std::move(open)) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto done = read(context, out);
    if (!done) {
      nl80211_.reset();
      out.availability(false, std::nullopt, done.error().message);
    }
    return done;
  }

 private:
  struct Losses {
    std::uint64_t retries = 0, failed = 0;
  };

  Result<void> read(const SampleContext& context, Output& out) {
    if (!nl80211_) {
      auto opened = open_();
      if (!opened) return opened.error();
      nl80211_ = std::move(*opened);
    }
    const auto interfaces = nl80211_->interfaces();
    if (!interfaces) return interfaces.error();
    const BootTime now = clock_.boot();
    const double seconds = read_at_ ? std::chrono::duration<double>(now - *read_at_).count() : 0;
    std::map<std::string, Losses> losses;
    std::size_t found = 0;
    std::string offline;
    for (const Interface& one : *interfaces) {
      if (!filter_.accepts(one.name) || context.stop.stop_requested()) continue;
      ++found;
      const auto stations = nl80211_->stations(one.index);
      if (!stations) return stations.error();
      if (one.is_station && stations->empty() && offline.empty())
        offline = one.name + " is not linked with an access point";
      emit(one, *stations, seconds, losses, out);
    }
    losses_ = std::move(losses);
    read_at_ = now;
    for (const std::string& wanted : filter_.chosen()) {
      const bool is_there = std::any_of(interfaces->begin(), interfaces->end(),
                                        [&](const Interface& one) { return one.name == wanted; });
      if (is_plain_name(wanted) && !is_there)
        return Error{ErrorKind::not_found, "nl80211: no interface \"" + wanted + "\""};
    }
    if (found == 0) return Error{ErrorKind::not_found, "nl80211: no wireless interface"};
    out.availability(offline.empty(), std::nullopt, offline);
    return {};
  }

  void emit(const Interface& one, const std::vector<Station>& stations, double seconds,
            std::map<std::string, Losses>& losses, Output& out) const {
    std::array<Value, kMetrics.size()> values;
    std::size_t count = 0;
    const auto add = [&](std::size_t metric, Number number) {
      values[count++] = {kMetrics[metric].name, kMetrics[metric].field, number};
    };
    add(0, static_cast<std::int64_t>(stations.size()));
    if (one.frequency_mhz) add(1, *one.frequency_mhz);
    std::optional<std::int64_t> weakest;
    double retries = 0, failed = 0;
    bool has_losses = false;
    for (const Station& station : stations) {
      if (station.signal_dbm) weakest = std::min(weakest.value_or(*station.signal_dbm), *station.signal_dbm);
      if (!station.tx_retries || !station.tx_failed) continue;
      const std::string key = one.name + " " + station.address;
      losses[key] = {*station.tx_retries, *station.tx_failed};
      const auto before = losses_.find(key);
      // One that has linked anew counts from 0 again.
      if (before == losses_.end() || *station.tx_retries < before->second.retries ||
          *station.tx_failed < before->second.failed)
        continue;
      has_losses = true;
      retries += static_cast<double>(*station.tx_retries - before->second.retries);
      failed += static_cast<double>(*station.tx_failed - before->second.failed);
    }
    if (weakest) add(2, *weakest);
    if (one.is_station && stations.size() == 1) {
      if (stations[0].rx_mbit_per_s) add(3, *stations[0].rx_mbit_per_s);
      if (stations[0].tx_mbit_per_s) add(4, *stations[0].tx_mbit_per_s);
    }
    if (has_losses && seconds > 0) {
      add(5, two_decimals(retries / seconds));
      add(6, two_decimals(failed / seconds));
    }
    if (one.is_station && stations.size() == 1 && stations[0].connected_s)
      add(7, static_cast<std::int64_t>(*stations[0].connected_s));
    const std::array<Tag, 2> tags = {Tag{"interface", one.name}, Tag{"ssid", one.ssid}};
    out.add({.measurement = "wireless", .tags = tags, .values = {values.data(), count}});
  }

  const Clock& clock_;
  const NameFilter filter_;
  const OpenNl80211 open_;
  std::unique_ptr<Nl80211> nl80211_;
  std::map<std::string, Losses> losses_;  // by interface and station
  std::optional<BootTime> read_at_;
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  return make_wireless(options, environment, &Nl80211::open);
}

}  // namespace

Result<std::unique_ptr<Driver>> make_wireless(const Options& options, const DriverEnvironment& environment,
                                              OpenNl80211 open) {
  return std::unique_ptr<Driver>(std::make_unique<WirelessDriver>(options, environment, std::move(open)));
}

}  // namespace wireless

const DriverInfo kWirelessDriver = {.name = "wireless",
                                    .summary = "Signal, bit rates and losses of Wi-Fi links.",
                                    .options = wireless::kOptions,
                                    .metrics = wireless::kMetrics,
                                    .may_block = true,
                                    .decides_availability = true,
                                    .make = wireless::make};

}  // namespace vigile
