// SPDX-License-Identifier: Apache-2.0
#include "drivers/modem/modem.h"

#include <algorithm>
#include <array>
#include <bit>

#include "drivers/dbus/bus.h"
#include "drivers/kernel_text/name_filter.h"

namespace vigile {

namespace modem {

namespace {

constexpr std::array kOptions = {
    OptionSpec{.name = "modems",
               .type = OptionType::list,
               .help = "Numbers of ModemManager (0), or patterns of models; all, if absent.",
               .fallback = ""},
    OptionSpec{.name = "bus", .help = "Address of the system bus; the system's if absent."},
};

constexpr std::array kMetrics = {
    MetricSpec{"modem_state", "state", "int", "1",
               "Modem.State: 11 connected, 8 registered, 3 disabled, 2 locked, -1 failed"},
    MetricSpec{"modem_connected", "connected", "int", "1", "1: it is connected"},
    MetricSpec{"modem_registration", "registration", "int", "1",
               "Modem3gpp.RegistrationState: 1 home, 5 roaming, 2 searching, 3 denied"},
    MetricSpec{"modem_signal_quality", "signal_quality", "int", "percent", "Modem.SignalQuality"},
    MetricSpec{"modem_rssi", "rssi", "float", "dBm", "Modem.Signal"},
    MetricSpec{"modem_rsrp", "rsrp", "float", "dBm", "Modem.Signal, LTE and 5G"},
    MetricSpec{"modem_rsrq", "rsrq", "float", "dB", "Modem.Signal, LTE and 5G"},
    MetricSpec{"modem_snr", "snr", "float", "dB", "Modem.Signal, LTE and 5G"},
    MetricSpec{"modem_rx_bytes", "rx_bytes", "int", "bytes", "Bearer.Stats: since it connected, all bearers"},
    MetricSpec{"modem_tx_bytes", "tx_bytes", "int", "bytes", "Bearer.Stats"},
    MetricSpec{"modem_technology", "technology", "string", "1",
               "Modem.AccessTechnologies, the newest: 5g, lte, umts, gsm"},
    MetricSpec{"modem_operator", "operator", "string", "1", "Modem3gpp.OperatorName"},
};

constexpr const char* kService = "org.freedesktop.ModemManager1";
constexpr std::string_view kModem = "org.freedesktop.ModemManager1.Modem";
constexpr std::string_view kModem3gpp = "org.freedesktop.ModemManager1.Modem.Modem3gpp";
constexpr std::string_view kSignal = "org.freedesktop.ModemManager1.Modem.Signal";
constexpr std::int64_t kConnected = 11;

// Bits of MMModemAccessTechnology, the newest first.
std::string_view technology_of(std::uint64_t bits) {
  if ((bits & 1U << 15) != 0) return "5g";
  if ((bits & (1U << 14 | 1U << 16 | 1U << 17)) != 0) return "lte";
  if ((bits & (1U << 5 | 1U << 6 | 1U << 7 | 1U << 8 | 1U << 9)) != 0) return "umts";
  if ((bits & (1U << 1 | 1U << 2 | 1U << 3 | 1U << 4)) != 0) return "gsm";
  if ((bits & (1U << 10 | 1U << 11 | 1U << 12 | 1U << 13)) != 0) return "cdma";
  return "";
}

class ModemDriver final : public Driver {
 public:
  ModemDriver(const Options& options, const DriverEnvironment& environment)
      : clock_(environment.clock), address_(options.text("bus")), modems_(options.list("modems"), {}) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto done = ask(context, out);
    if (!done) out.availability(false, std::nullopt, done.error().message);
    if (!done && done.error().kind != ErrorKind::not_found) bus_.reset();
    return done;
  }

 private:
  Result<void> ask(const SampleContext& context, Output& out) {
    if (!bus_) {
      auto opened = dbus::Bus::open(address_, context.deadline - clock_.boot());
      if (!opened) return opened.error();
      bus_ = std::move(*opened);
    }
    const auto objects = bus_->ask(
        {kService, "/org/freedesktop/ModemManager1", "org.freedesktop.DBus.ObjectManager",
         "GetManagedObjects"},
        std::max<std::chrono::nanoseconds>(context.deadline - clock_.boot(), std::chrono::milliseconds(1)));
    if (!objects) return objects.error();
    if (objects->map() == nullptr)
      return Error{ErrorKind::parse, std::string(kService) + ": no list of objects"};
    std::size_t found = 0;
    std::string offline;
    for (const auto& [path, interfaces] : *objects->map()) {
      const dbus::Value* const modem = interfaces.find(kModem);
      if (modem == nullptr) continue;
      const std::string number = path.substr(path.rfind('/') + 1);
      const dbus::Value* const model = modem->find("Model");
      const std::string name = model != nullptr && model->text() != nullptr ? *model->text() : "";
      if (!modems_.accepts(number) && !modems_.accepts(name)) continue;
      ++found;
      if (!emit(number, name, *modem, interfaces, context, out) && offline.empty())
        offline = "modem " + number + " is not connected";
    }
    if (found == 0)
      return Error{ErrorKind::not_found,
                   std::string("ModemManager: ") +
                       (modems_.chooses() ? "no modem matches the option \"modems\"" : "there is no modem")};
    out.availability(offline.empty(), std::nullopt, offline);
    return {};
  }

  // Whether it is connected.
  bool emit(const std::string& number, const std::string& model, const dbus::Value& modem,
            const dbus::Value& interfaces, const SampleContext& context, Output& out) {
    std::array<Value, kMetrics.size()> values;
    std::size_t count = 0;
    const auto add = [&](std::size_t metric, Number value) {
      values[count++] = {kMetrics[metric].name, kMetrics[metric].field, value};
    };
    const auto whole = [](const dbus::Value* value) { return static_cast<std::int64_t>(value->number()); };
    const dbus::Value* const state = modem.find("State");
    const bool is_connected = state != nullptr && whole(state) == kConnected;
    if (state != nullptr) add(0, whole(state));
    add(1, std::int64_t{is_connected ? 1 : 0});
    const dbus::Value* const network = interfaces.find(kModem3gpp);
    if (network != nullptr && network->find("RegistrationState") != nullptr)
      add(2, whole(network->find("RegistrationState")));
    // (percent, whether that is recent)
    const dbus::Value* const quality = modem.find("SignalQuality");
    if (quality != nullptr && quality->list() != nullptr && !quality->list()->empty())
      add(3, whole(&quality->list()->front()));
    add_signal(interfaces.find(kSignal), add);
    add_traffic(modem, context, add);
    if (const auto* bits = modem.find("AccessTechnologies"); bits != nullptr && bits->is_number()) {
      const std::string_view technology = technology_of(static_cast<std::uint64_t>(bits->number()));
      if (!technology.empty()) add(10, technology);
    }
    const dbus::Value* const name = network == nullptr ? nullptr : network->find("OperatorName");
    if (name != nullptr && name->text() != nullptr && !name->text()->empty())
      add(11, std::string_view(*name->text()));
    const std::array<Tag, 2> tags = {Tag{"model", model}, Tag{"modem", number}};
    out.add({.measurement = "modem", .tags = tags, .values = {values.data(), count}});
    return is_connected;
  }

  // Of the newest network that has one.
  template <class Add>
  static void add_signal(const dbus::Value* signal, const Add& add) {
    if (signal == nullptr) return;
    constexpr std::string_view kNames[] = {"rssi", "rsrp", "rsrq", "snr"};
    bool has[4] = {};
    for (const char* network : {"Nr5g", "Lte", "Umts", "Gsm", "Evdo", "Cdma"}) {
      const dbus::Value* const of = signal->find(network);
      for (std::size_t i = 0; of != nullptr && i < 4; ++i) {
        const dbus::Value* const value = of->find(kNames[i]);
        // -32768 stands for "not known".
        if (has[i] || value == nullptr || !value->is_number() || value->number() <= -32'768) continue;
        has[i] = true;
        add(4 + i, value->number());
      }
    }
  }

  template <class Add>
  void add_traffic(const dbus::Value& modem, const SampleContext& context, const Add& add) {
    const dbus::Value* const bearers = modem.find("Bearers");
    if (bearers == nullptr || bearers->list() == nullptr) return;
    double received = 0, sent = 0;
    bool has_any = false;
    for (const dbus::Value& bearer : *bearers->list()) {
      if (bearer.text() == nullptr) continue;
      const auto of = bus_->ask(
          {kService,
           *bearer.text(),
           "org.freedesktop.DBus.Properties",
           "GetAll",
           {"org.freedesktop.ModemManager1.Bearer"}},
          std::max<std::chrono::nanoseconds>(context.deadline - clock_.boot(), std::chrono::milliseconds(1)));
      const dbus::Value* const stats = of ? of->find("Stats") : nullptr;
      if (stats == nullptr) continue;
      const dbus::Value* const in = stats->find("rx-bytes");
      const dbus::Value* const out = stats->find("tx-bytes");
      if (in == nullptr || out == nullptr) continue;
      has_any = true;
      received += in->number();
      sent += out->number();
    }
    if (!has_any) return;
    add(8, static_cast<std::int64_t>(received));
    add(9, static_cast<std::int64_t>(sent));
  }

  const Clock& clock_;
  const std::string address_;
  const NameFilter modems_;
  std::unique_ptr<dbus::Bus> bus_;
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  return std::unique_ptr<Driver>(std::make_unique<ModemDriver>(options, environment));
}

}  // namespace

}  // namespace modem

const DriverInfo kModemDriver = {
    .name = "modem",
    .summary = "State, network and signal of mobile modems, as ModemManager knows them.",
    .options = modem::kOptions,
    .metrics = modem::kMetrics,
    .may_block = true,
    .decides_availability = true,
    .make = modem::make};

}  // namespace vigile
