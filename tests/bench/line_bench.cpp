// SPDX-License-Identifier: Apache-2.0
// Decoding, encoding and compressing lines of the equipment layout (DESIGN §8), about 200 bytes each: 20
// equipments of one site, each with cpu_usage, memory_usage, response_time (three decimals), temperature and
// availability, one point each every 10 s. One thread; seeded.
#include <benchmark/benchmark.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "point/line_decode.h"
#include "point/line_encode.h"
#include "point/payload.h"
#include "point/point.h"
#include "point/point_json.h"

namespace vigile {
namespace {

std::vector<Point> equipment_points(std::size_t count) {
  constexpr std::array<const char*, 5> kMetrics = {"availability", "cpu_usage", "memory_usage",
                                                   "response_time", "temperature"};
  constexpr std::array<const char*, 4> kTypes = {"server", "camera", "switch", "access_point"};
  std::mt19937 random(12);
  std::vector<Point> points;
  std::array<std::int64_t, 100> level{};
  for (auto& each : level) each = 20'000 + static_cast<std::int64_t>(random() % 40'000);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t equipment = i / kMetrics.size() % 20;
    const std::size_t metric = i % kMetrics.size();
    const std::size_t tick = i / 100;
    std::int64_t& now = level[i % level.size()];
    now += static_cast<std::int64_t>(random() % 2001) - 1000;
    Point point;
    point.measurement = "equipment_metrics";
    point.tags = {{"equipment_id", std::to_string(equipment + 1)},
                  {"equipment_name", "Equipement " + std::to_string(equipment + 1)},
                  {"equipment_type", kTypes[equipment % kTypes.size()]},
                  {"ip_address", "192.168.12." + std::to_string(10 + equipment)},
                  {"metric_name", kMetrics[metric]},
                  {"site_id", "12"},
                  {"site_name", "Lyon-Nord"}};
    point.fields = {{"value", metric == 0 ? 1.0 : static_cast<double>(now) / 1000}};
    // Lanes end at their own time within the tick.
    point.time_ns = 1764000000000000000 + static_cast<std::int64_t>(tick) * 10'000'000'000 +
                    static_cast<std::int64_t>(random() % 1'000'000);
    points.push_back(std::move(point));
  }
  return points;
}

std::string lines_of(const std::vector<Point>& points) {
  std::string lines;
  for (const Point& point : points) encode_line(point, {}, lines);
  return lines;
}

void label(benchmark::State& state, const std::string& lines, std::size_t points) {
  state.SetLabel("equipment layout, " + std::to_string(points) + " points of " +
                 std::to_string(lines.size() / points) + " B");
}

benchmark::Counter cpu_per(const benchmark::State& state, std::size_t count) {
  return {static_cast<double>(state.iterations() * count),
          benchmark::Counter::kIsRate | benchmark::Counter::kInvert};
}

void bm_decode(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::string lines = lines_of(equipment_points(count));
  for (auto _ : state) {
    LineDecoder decoder(lines, Precision::ns);
    std::size_t good = 0;
    while (decoder.next() == LineDecoder::Step::line) good += decoder.view().fields.size();
    if (good != count) state.SkipWithError("a line was not decoded");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * lines.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
  label(state, lines, count);
}
BENCHMARK(bm_decode)->Name("decode, fully validated/points")->Arg(1000)->Arg(50000);

void bm_decode_to_point(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::string lines = lines_of(equipment_points(count));
  for (auto _ : state) {
    LineDecoder decoder(lines, Precision::ns);
    while (decoder.next() == LineDecoder::Step::line) benchmark::DoNotOptimize(to_point(decoder.view()));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * lines.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
  label(state, lines, count);
}
BENCHMARK(bm_decode_to_point)->Name("decode to Point/points")->Arg(1000);

void bm_encode(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::vector<Point> points = equipment_points(count);
  std::string lines = lines_of(points);
  for (auto _ : state) {
    lines.clear();
    for (const Point& point : points) encode_line(point, {}, lines);
    benchmark::DoNotOptimize(lines.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
  state.counters["CPU/line"] = cpu_per(state, count);
  label(state, lines, count);
}
BENCHMARK(bm_encode)->Name("encode whole points/points")->Arg(1000);

void bm_encode_fields(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::vector<Point> points = equipment_points(count);
  std::vector<std::string> heads;
  for (const Point& point : points) {
    std::string& head = heads.emplace_back();
    append_measurement(point.measurement, head);
    for (const auto& [key, value] : point.tags) append_tag(key, value, head);
    head.push_back(' ');
  }
  std::string lines = lines_of(points);
  for (auto _ : state) {
    lines.clear();
    for (std::size_t i = 0; i < count; ++i) {
      lines += heads[i];
      append_field("value", *std::get_if<double>(&points[i].fields[0].second), lines);
      append_time(*points[i].time_ns, lines);
    }
    benchmark::DoNotOptimize(lines.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
  state.counters["CPU/line"] = cpu_per(state, count);
  label(state, lines, count);
}
BENCHMARK(bm_encode_fields)->Name("encode with prepared heads/points")->Arg(1000);

void bm_json(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::vector<Point> points = equipment_points(count);
  std::string text;
  for (auto _ : state) {
    text.clear();
    for (const Point& point : points) append_json(point, text);
    benchmark::DoNotOptimize(text.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
  label(state, text, count);
}
BENCHMARK(bm_json)->Name("to JSON/points")->Arg(1000);

void bm_compress(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(1));
  const std::string lines = lines_of(equipment_points(count));
  PayloadEncoder encoder(static_cast<int>(state.range(0)));
  std::string payload;
  for (auto _ : state) {
    encoder.encode(lines, payload);
    benchmark::DoNotOptimize(payload.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * lines.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
  state.counters["CPU/point"] = cpu_per(state, count);
  state.counters["B/point"] = static_cast<double>(payload.size()) / static_cast<double>(count);
  label(state, lines, count);
}
BENCHMARK(bm_compress)->Name("compress/level/points")->ArgsProduct({{1, 3, 6}, {15, 60, 1000, 5000}});

struct Packed {
  std::string lines;
  std::string deflate;
  Payload payload;
};

Packed pack(std::size_t count) {
  Packed packed;
  packed.lines = lines_of(equipment_points(count));
  PayloadEncoder(6).encode(packed.lines, packed.deflate);
  packed.payload = {packed.deflate, static_cast<std::uint32_t>(packed.lines.size()), crc32_of(packed.lines),
                    static_cast<std::uint32_t>(count)};
  return packed;
}

void bm_inflate(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Packed packed = pack(count);
  for (auto _ : state) {
    const Result<std::string> text = inflate_payload(packed.payload);
    if (!text) state.SkipWithError("a payload was not inflated");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * packed.lines.size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * count));
  label(state, packed.lines, count);
}
BENCHMARK(bm_inflate)->Name("inflate and check/points")->Arg(15)->Arg(1000);

void bm_trailer(benchmark::State& state) {
  const Packed packed = pack(15);
  const std::vector<Payload> payloads(static_cast<std::size_t>(state.range(0)), packed.payload);
  for (auto _ : state) benchmark::DoNotOptimize(gzip_trailer(payloads));
  state.counters["CPU/payload"] = cpu_per(state, payloads.size());
  state.SetLabel("crc32_combine over payloads of 15 points");
}
BENCHMARK(bm_trailer)->Name("gzip trailer/payloads")->Arg(100)->Arg(1000);

}  // namespace
}  // namespace vigile
