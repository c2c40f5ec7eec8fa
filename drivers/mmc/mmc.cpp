// SPDX-License-Identifier: Apache-2.0
#include "drivers/mmc/mmc.h"

#include <array>
#include <optional>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/name_filter.h"
#include "drivers/kernel_text/scan.h"

namespace vigile {

namespace {

constexpr std::array kOptions = {
    OptionSpec{.name = "devices",
               .type = OptionType::list,
               .help = "names or patterns of devices (\"mmc0:*\"); all that tell their wear, if absent",
               .fallback = ""},
};

constexpr std::array kMetrics = {
    MetricSpec{"mmc_life_time_a", "life_time_a", "int", "percent",
               "/sys/bus/mmc/devices/<device>/life_time, first value: used up, at most"},
    MetricSpec{"mmc_life_time_b", "life_time_b", "int", "percent",
               "/sys/bus/mmc/devices/<device>/life_time, second value"},
    MetricSpec{"mmc_pre_eol", "pre_eol", "int", "1",
               "/sys/bus/mmc/devices/<device>/pre_eol_info: 1 normal, 2 warning, 3 urgent"},
};

constexpr std::uint64_t kExceeded = 0x0b;

// 0x01 is 0 to 10 %, 0x0a is 90 to 100 %, 0x0b is more than that. 0x00 is not defined.
std::optional<std::uint64_t> parse_hex(std::string_view word) {
  if (!word.starts_with("0x") || word.size() < 3 || word.size() > 4) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : word.substr(2)) {
    const bool is_digit = c >= '0' && c <= '9';
    const bool is_letter = c >= 'a' && c <= 'f';
    if (!is_digit && !is_letter) return std::nullopt;
    value = value * 16 + static_cast<std::uint64_t>(is_digit ? c - '0' : c - 'a' + 10);
  }
  return value;
}

class MmcDriver final : public Driver {
 public:
  MmcDriver(const Options& options, const DriverEnvironment& environment)
      : filter_(options.list("devices"), {}), folder_((environment.sys_root / "bus/mmc/devices").string()) {}

  Result<void> sample(const SampleContext&, Output& out) override {
    const auto names = list_folder(folder_);
    if (!names) return names.error();
    std::size_t told = 0;
    std::optional<Error> first;
    for (const std::string& name : *names) {
      if (!filter_.accepts(name)) continue;
      const auto read = read_one(name, out);
      if (!read && !first) first = read.error();
      if (read && *read) ++told;
    }
    if (first) return *first;
    if (told == 0)
      return Error{ErrorKind::not_found,
                   folder_ + ": no device tells its wear (eMMC from version 5.0 on does, SD cards do not)"};
    return {};
  }

 private:
  // False when it tells nothing.
  Result<bool> read_one(const std::string& name, Output& out) const {
    std::array<Value, kMetrics.size()> values;
    std::size_t count = 0;
    char buffer[64];
    const std::string life_time = folder_ + "/" + name + "/life_time";
    const auto text = read_attribute(life_time.c_str(), buffer, sizeof buffer);
    if (text) {
      std::string_view rest = *text;
      for (std::size_t i = 0; i < 2; ++i) {
        const auto value = parse_hex(take_word(rest));
        if (!value || *value > kExceeded)
          return parse_error(life_time, 0, "two values from 0x00 to 0x0b", *text);
        if (*value > 0)
          values[count++] = {kMetrics[i].name, kMetrics[i].field, static_cast<std::int64_t>(*value * 10)};
      }
    } else if (text.error().kind != ErrorKind::not_found) {
      return text.error();
    }
    char eol_buffer[64];
    const std::string pre_eol = folder_ + "/" + name + "/pre_eol_info";
    const auto eol = read_attribute(pre_eol.c_str(), eol_buffer, sizeof eol_buffer);
    if (eol) {
      const auto value = parse_hex(*eol);
      if (!value || *value > 3) return parse_error(pre_eol, 0, "a value from 0x00 to 0x03", *eol);
      if (*value > 0)
        values[count++] = {kMetrics[2].name, kMetrics[2].field, static_cast<std::int64_t>(*value)};
    }
    if (count == 0) return false;
    char name_buffer[64];
    const std::string product = folder_ + "/" + name + "/name";
    const auto product_name = read_attribute(product.c_str(), name_buffer, sizeof name_buffer);
    const std::array<Tag, 2> tags = {Tag{"device", name},
                                     Tag{"product", product_name ? *product_name : std::string_view()}};
    out.add({.measurement = "mmc", .tags = tags, .values = {values.data(), count}});
    return true;
  }

  const NameFilter filter_;
  const std::string folder_;
};

Result<std::unique_ptr<Driver>> make_mmc(const Options& options, const DriverEnvironment& environment) {
  return std::unique_ptr<Driver>(std::make_unique<MmcDriver>(options, environment));
}

}  // namespace

const DriverInfo kMmcDriver = {
    .name = "mmc",
    .summary = "How worn eMMC storage is, as it tells itself.",
    .options = kOptions,
    .metrics = kMetrics,
    .make = make_mmc,
};

}  // namespace vigile
