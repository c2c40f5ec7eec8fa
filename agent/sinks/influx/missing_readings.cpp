// SPDX-License-Identifier: Apache-2.0
#include "sinks/influx/influx_readings.h"

namespace vigile::influx_sink {

Result<std::unique_ptr<ReadingSource>> make_influx_readings(const Options&, bool, const std::string&,
                                                            const std::string&) {
  return Error{ErrorKind::config, "the sink \"influx\" is not in this build"};
}

}  // namespace vigile::influx_sink
