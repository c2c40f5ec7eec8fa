// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/history.h"

namespace vigile {

// Of percentiles that come from sketches (QuantileSketch promises it).
inline constexpr double kSketchRelativeError = 0.01;

// How much of a span can be told.
struct ReadingCoverage {
  bool from_summaries = false;  // some of it is: percentiles come from sketches, within kSketchRelativeError
  TimeSpan span;                // what the answer is about: the asked span, widened to whole hours where raw
                                // readings at its edges are gone
};

}  // namespace vigile
