// SPDX-License-Identifier: Apache-2.0
// Points a second through the MQTT sink to Mosquitto on loopback, and this process's CPU for each.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "sinks/mqtt_batch.h"
#include "support/mosquitto_server.h"

namespace vigile {
namespace {

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Arguments: quality of service, bytes a message (0: JSON, a message a point).
void publish(benchmark::State& state) {
  const MosquittoServer broker;
  const SystemClock clock;
  const bool json = state.range(1) == 0;
  auto sink = kMqttSink.make(
      mqtt_options({{"url", broker.url()},
                    {"qos", std::int64_t{state.range(0)}},
                    {"payload", std::string(json ? "json" : "lines")},
                    {"max_message", static_cast<std::uint64_t>(json ? 65536 : state.range(1))}}),
      {clock, "bench", "12", "bench"});
  TestBatch batch;
  for (int segment = 0; segment < 50; ++segment) {
    std::string lines;
    for (int i = 0; i < 100; ++i) lines += equipment_line(segment * 100 + i);
    batch.add_segment(lines);
  }
  if ((*sink)->deliver(batch.batch(), {}).kind != Outcome::Kind::accepted)
    state.SkipWithError("not delivered");
  const double before = cpu_seconds();
  for (auto _ : state) {
    if ((*sink)->deliver(batch.batch(), {}).kind != Outcome::Kind::accepted) {
      state.SkipWithError("not delivered");
      break;
    }
  }
  const double points = static_cast<double>(state.iterations()) * 5000;
  state.counters["points/s"] = benchmark::Counter(points, benchmark::Counter::kIsRate);
  state.counters["cpu_us/point"] = (cpu_seconds() - before) * 1e6 / points;
  (*sink)->close(std::chrono::seconds(2));
}
BENCHMARK(publish)
    ->ArgNames({"qos", "message_bytes"})
    ->Args({1, 65536})
    ->Args({1, 4096})
    ->Args({2, 65536})
    ->Args({0, 65536})
    ->Args({1, 0})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace vigile
