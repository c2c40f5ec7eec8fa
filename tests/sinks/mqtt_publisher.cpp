// SPDX-License-Identifier: Apache-2.0
// A process that a test can kill: delivers one line to the broker named by its argument, says so, and waits.
#include <unistd.h>

#include <cstdio>

#include "core/clock.h"
#include "sinks/mqtt_batch.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const vigile::SystemClock clock;
  auto sink = vigile::kMqttSink.make(vigile::mqtt_options({{"url", std::string(argv[1])}}),
                                     {clock, "child", "12", "child"});
  if (!sink) return 1;
  vigile::TestBatch batch;
  batch.add_segment(vigile::equipment_line(1));
  const vigile::Outcome outcome = (*sink)->deliver(batch.batch(), {});
  std::puts(outcome.kind == vigile::Outcome::Kind::accepted ? "delivered" : outcome.message.c_str());
  std::fflush(stdout);
  for (;;) ::pause();
}
