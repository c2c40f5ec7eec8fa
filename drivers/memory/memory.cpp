// SPDX-License-Identifier: Apache-2.0
#include "drivers/memory/memory.h"

#include <algorithm>
#include <array>

#include "drivers/kernel_text/kernel_file.h"
#include "drivers/kernel_text/scan.h"

namespace vigile {

namespace {

constexpr std::array<OptionSpec, 1> kOptions = {
    OptionSpec{.name = "swap",
               .type = OptionType::boolean,
               .help = "also the swap metrics, on a machine that has swap",
               .fallback = "true"},
};

constexpr std::array<MetricSpec, 10> kMetrics = {
    MetricSpec{"memory_usage", "usage", "float", "percent", "used / total"},
    MetricSpec{"memory_total", "total", "int", "bytes", "/proc/meminfo, MemTotal"},
    MetricSpec{"memory_used", "used", "int", "bytes", "total - available"},
    MetricSpec{"memory_available", "available", "int", "bytes", "/proc/meminfo, MemAvailable, or computed"},
    MetricSpec{"memory_free", "free", "int", "bytes", "/proc/meminfo, MemFree"},
    MetricSpec{"memory_buffers", "buffers", "int", "bytes", "/proc/meminfo, Buffers"},
    MetricSpec{"memory_cached", "cached", "int", "bytes", "/proc/meminfo, Cached"},
    MetricSpec{"swap_usage", "swap_usage", "float", "percent", "swap used / swap total"},
    MetricSpec{"swap_total", "swap_total", "int", "bytes", "/proc/meminfo, SwapTotal"},
    MetricSpec{"swap_used", "swap_used", "int", "bytes", "/proc/meminfo, SwapTotal - SwapFree"},
};
enum Metric : std::size_t {
  kUsage,
  kTotal,
  kUsed,
  kAvailable,
  kFree,
  kBuffers,
  kCached,
  kSwapUsage,
  kSwapTotal,
  kSwapUsed
};

constexpr std::uint64_t kMostKib = std::uint64_t{1} << 52;  // its bytes still fit a signed number

class Values {
 public:
  void add(Metric metric, std::optional<std::uint64_t> bytes) {
    if (bytes) put(metric, static_cast<std::int64_t>(*bytes));
  }
  void add_percent(Metric metric, std::uint64_t part, std::uint64_t whole) {
    put(metric, two_decimals(100 * static_cast<double>(part) / static_cast<double>(whole)));
  }
  std::span<const Value> view() const { return {values_.data(), count_}; }

 private:
  void put(Metric metric, Number number) {
    values_[count_++] = Value{kMetrics[metric].name, kMetrics[metric].field, number};
  }
  std::array<Value, kMetrics.size()> values_;
  std::size_t count_ = 0;
};

class MemoryDriver final : public Driver {
 public:
  MemoryDriver(const Options& options, const DriverEnvironment& environment)
      : swap_(options.flag("swap")), file_(environment.proc_root / "meminfo") {}

  Result<void> sample(const SampleContext& /*context*/, Output& out) override {
    const auto text = file_.read();
    if (!text) return text.error();
    MemInfo info;
    auto parsed = parse_meminfo(*text, file_.path(), info);
    Values values;
    const auto available = available_bytes(info);
    if (info.total && *info.total > 0) {
      values.add(kTotal, info.total);
      if (available) {
        const std::uint64_t used = *info.total - *available;
        values.add_percent(kUsage, used, *info.total);
        values.add(kUsed, used);
        values.add(kAvailable, available);
      }
    }
    values.add(kFree, info.free);
    values.add(kBuffers, info.buffers);
    values.add(kCached, info.cached);
    if (swap_ && info.swap_free && info.swap_total && *info.swap_total > 0) {
      const std::uint64_t used = *info.swap_total - std::min(*info.swap_free, *info.swap_total);
      values.add_percent(kSwapUsage, used, *info.swap_total);
      values.add(kSwapTotal, info.swap_total);
      values.add(kSwapUsed, used);
    }
    if (!values.view().empty()) out.add({.measurement = "memory", .values = values.view()});
    return parsed;
  }

 private:
  const bool swap_;
  KernelFile file_;
};

Result<std::unique_ptr<Driver>> make_memory(const Options& options, const DriverEnvironment& environment) {
  return std::unique_ptr<Driver>(std::make_unique<MemoryDriver>(options, environment));
}

std::optional<std::uint64_t>* target_of(std::string_view key, MemInfo& out) {
  if (key == "MemTotal:") return &out.total;
  if (key == "MemFree:") return &out.free;
  if (key == "MemAvailable:") return &out.available;
  if (key == "Buffers:") return &out.buffers;
  if (key == "Cached:") return &out.cached;
  if (key == "SReclaimable:") return &out.reclaimable_slab;
  if (key == "Shmem:") return &out.shared;
  if (key == "SwapTotal:") return &out.swap_total;
  if (key == "SwapFree:") return &out.swap_free;
  return nullptr;
}

}  // namespace

const DriverInfo kMemoryDriver = {
    .name = "memory",
    .summary = "Memory and swap: total, used, available and the share in use.",
    .options = kOptions,
    .metrics = kMetrics,
    .make = make_memory,
};

Result<void> parse_meminfo(std::string_view text, std::string_view file, MemInfo& out) {
  out = {};
  Lines lines(text);
  while (lines.next()) {
    const auto bad = [&](std::string_view expected) {
      return parse_error(file, lines.number(), expected, lines.line());
    };
    if (!lines.is_whole()) return bad("a whole line");
    std::string_view rest = lines.line();
    std::optional<std::uint64_t>* const target = target_of(take_word(rest), out);
    if (target == nullptr) continue;
    const auto kib = to_unsigned(take_word(rest));
    if (!kib || *kib > kMostKib || take_word(rest) != "kB") return bad("a number and kB");
    *target = *kib * 1024;
  }
  if (!out.total || *out.total == 0) {
    return parse_error(file, 0, "a line \"MemTotal: … kB\" above 0", text.substr(0, text.find('\n')));
  }
  return {};
}

std::optional<std::uint64_t> available_bytes(const MemInfo& info) {
  if (!info.total) return std::nullopt;
  if (info.available) return std::min(*info.available, *info.total);
  if (!info.free) return std::nullopt;
  const std::uint64_t given_back =
      info.buffers.value_or(0) + info.cached.value_or(0) + info.reclaimable_slab.value_or(0);
  // Shared memory is counted as cached, but cannot be given back.
  return std::min(*info.free + given_back - std::min(info.shared.value_or(0), given_back), *info.total);
}

}  // namespace vigile
