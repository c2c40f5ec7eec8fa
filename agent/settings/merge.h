// SPDX-License-Identifier: Apache-2.0
// One settings tree laid over another. Pure; places stay those of the file that each value came from.
#pragma once

#include "settings/yaml_tree.h"

namespace vigile {

// What `over` says wins. Maps are merged key by key, and a key whose value is nothing takes that key of
// `base` away. Equipment is matched by id; drivers and sinks by kind and name, those without a name by their
// order among their kind; what matches nothing is added at the end. Other lists and values replace. What one
// file says twice stays twice, to be reported.
YamlNode merge_settings(YamlNode base, YamlNode over);

}  // namespace vigile
