// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "equipment/directory.h"
#include "sampling/observer.h"

namespace vigile {

// Tells the directory what the driver instances see.
class DirectoryObserver final : public SampleObserver {
 public:
  explicit DirectoryObserver(EquipmentDirectory& directory) : directory_(directory) {}
  void availability(std::string_view equipment_id, std::string_view instance, bool up,
                    std::string_view reason, BootTime at) override {
    directory_.availability(equipment_id, instance, up, reason, at);
  }
  void value(std::string_view equipment_id, std::string_view metric, std::span<const Tag> tags, double value,
             BootTime at) override {
    directory_.value(equipment_id, metric, tags, value, at);
  }

 private:
  EquipmentDirectory& directory_;
};

}  // namespace vigile
