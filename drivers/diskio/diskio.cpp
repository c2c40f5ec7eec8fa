// SPDX-License-Identifier: Apache-2.0
#include "drivers/diskio/diskio.h"

#include <algorithm>
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
               .help = "names or patterns of devices (sda, \"nvme*\"); all that are no partitions, if absent",
               .fallback = ""},
    OptionSpec{.name = "exclude",
               .type = OptionType::list,
               .help = "names or patterns to leave out; a name spelled out in devices counts all the same",
               .fallback = "[\"loop*\", \"ram*\", \"zram*\", \"sr*\", \"fd*\", \"mtdblock*\"]"},
    OptionSpec{
        .name = "partitions", .type = OptionType::boolean, .help = "partitions, too", .fallback = "false"},
};

constexpr std::array kMetrics = {
    MetricSpec{"diskio_reads_per_s", "reads_per_s", "float", "1/s", "/proc/diskstats, column 4"},
    MetricSpec{"diskio_writes_per_s", "writes_per_s", "float", "1/s", "/proc/diskstats, column 8"},
    MetricSpec{"diskio_read_bytes_per_s", "read_bytes_per_s", "float", "bytes/s",
               "/proc/diskstats, column 6: sectors of 512 bytes"},
    MetricSpec{"diskio_write_bytes_per_s", "write_bytes_per_s", "float", "bytes/s",
               "/proc/diskstats, column 10"},
    MetricSpec{"diskio_busy", "busy", "float", "percent",
               "/proc/diskstats, column 13: share of the time since the last run"},
    MetricSpec{"diskio_await", "await", "float", "ms",
               "/proc/diskstats, columns 7 and 11: mean of a request"},
    MetricSpec{"diskio_in_flight", "in_flight", "int", "1", "/proc/diskstats, column 12"},
};

constexpr std::size_t kColumns = 11;
enum Column : std::size_t {
  kReads,
  kReadMerged,
  kReadSectors,
  kReadMs,
  kWrites,
  kWriteMerged,
  kWriteSectors,
  kWriteMs,
  kInFlight,
  kBusyMs,
  kWeightedMs
};
constexpr double kSector = 512;

struct Device {
  std::string name;
  std::array<std::uint64_t, kColumns> columns{};
};

Result<void> parse(std::string_view text, std::string_view file, std::vector<Device>& out) {
  out.clear();
  Lines lines(text);
  while (lines.next()) {
    std::string_view rest = lines.line();
    const auto bad = [&] {
      return parse_error(file, lines.number(), "two numbers, a name and 11 numbers", lines.line());
    };
    const bool has_numbers = to_unsigned(take_word(rest)) && to_unsigned(take_word(rest));
    const std::string_view name = take_word(rest);
    if (!has_numbers || name.empty() || !lines.is_whole()) return bad();
    Device device{std::string(name), {}};
    std::size_t count = 0;
    for (; count < kColumns; ++count) {
      const std::string_view word = take_word(rest);
      if (word.empty()) break;
      const auto number = to_unsigned(word);
      if (!number) return bad();
      device.columns[count] = *number;
    }
    if (count == 4) continue;  // a partition, before Linux 2.6.25
    if (count < kColumns) return bad();
    out.push_back(std::move(device));
  }
  return {};
}

// Nothing when the device is another one now. Some counters have 32 bits.
std::optional<double> risen(std::uint64_t before, std::uint64_t now) {
  constexpr std::uint64_t kTwoTo32 = std::uint64_t{1} << 32;
  if (now >= before) return static_cast<double>(now - before);
  if (before < kTwoTo32 / 2 || before >= kTwoTo32 || now >= kTwoTo32 / 2) return std::nullopt;
  return static_cast<double>(now + kTwoTo32 - before);
}

class DiskioDriver final : public Driver {
 public:
  DiskioDriver(const Options& options, const DriverEnvironment& environment)
      : clock_(environment.clock),
        filter_(options.list("devices"), options.list("exclude")),
        has_partitions_(options.flag("partitions")),
        class_block_((environment.sys_root / "class/block/").string()),
        file_(environment.proc_root / "diskstats") {}

  Result<void> sample(const SampleContext&, Output& out) override {
    const auto text = file_.read();
    const BootTime now = clock_.boot();
    if (!text) return text.error();
    const auto parsed = parse(*text, file_.path(), devices_);
    std::erase_if(devices_, [&](const Device& device) { return !is_wanted(device.name); });
    const double seconds = std::chrono::duration<double>(now - read_at_).count();
    for (const Device& device : devices_) emit(device, seconds, out);
    std::swap(devices_, before_);
    read_at_ = now;
    if (!parsed) return parsed;
    for (const std::string& wanted : filter_.chosen()) {
      const bool is_there =
          std::any_of(before_.begin(), before_.end(), [&](const Device& one) { return one.name == wanted; });
      if (is_plain_name(wanted) && !is_there)
        return Error{ErrorKind::not_found, file_.path() + ": no device \"" + wanted + "\""};
    }
    if (before_.empty()) return Error{ErrorKind::not_found, file_.path() + ": no device matches the options"};
    return {};
  }

 private:
  bool is_wanted(const std::string& name) {
    if (!filter_.accepts(name)) return false;
    if (has_partitions_ || filter_.spells_out(name)) return true;
    char buffer[32];
    const std::string path = class_block_ + name + "/partition";
    return !read_attribute(path.c_str(), buffer, sizeof buffer);
  }

  void emit(const Device& device, double seconds, Output& out) {
    std::array<Value, kMetrics.size()> values;
    std::size_t count = 0;
    const auto add = [&](std::size_t metric, Number number) {
      values[count++] = {kMetrics[metric].name, kMetrics[metric].field, number};
    };
    const auto before = std::find_if(before_.begin(), before_.end(),
                                     [&](const Device& old) { return old.name == device.name; });
    if (before != before_.end() && seconds > 0) {
      std::array<double, kColumns> rise{};
      bool is_same = true;
      for (std::size_t i = 0; i < kColumns; ++i) {
        if (i == kInFlight) continue;
        const auto one = risen(before->columns[i], device.columns[i]);
        is_same = is_same && one.has_value();
        rise[i] = one.value_or(0);
      }
      if (is_same) {
        add(0, two_decimals(rise[kReads] / seconds));
        add(1, two_decimals(rise[kWrites] / seconds));
        add(2, two_decimals(rise[kReadSectors] * kSector / seconds));
        add(3, two_decimals(rise[kWriteSectors] * kSector / seconds));
        add(4, two_decimals(std::min(100.0, rise[kBusyMs] / seconds / 10)));
        const double requests = rise[kReads] + rise[kWrites];
        if (requests > 0) add(5, two_decimals((rise[kReadMs] + rise[kWriteMs]) / requests));
      }
    }
    // Some kernels count below zero.
    const auto in_flight = static_cast<std::int64_t>(device.columns[kInFlight]);
    if (in_flight >= 0 && device.columns[kInFlight] < 0x8000'0000) add(6, in_flight);
    if (count == 0) return;
    const Tag tag{"device", device.name};
    out.add({.measurement = "diskio", .tags = {&tag, 1}, .values = {values.data(), count}});
  }

  const Clock& clock_;
  const NameFilter filter_;
  const bool has_partitions_;
  const std::string class_block_;
  KernelFile file_;
  std::vector<Device> devices_;
  std::vector<Device> before_;
  BootTime read_at_{};
};

Result<std::unique_ptr<Driver>> make_diskio(const Options& options, const DriverEnvironment& environment) {
  return std::unique_ptr<Driver>(std::make_unique<DiskioDriver>(options, environment));
}

}  // namespace

const DriverInfo kDiskioDriver = {
    .name = "diskio",
    .summary = "Reads, writes, waiting times and load of each block device.",
    .options = kOptions,
    .metrics = kMetrics,
    .make = make_diskio,
};

}  // namespace vigile
