// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "api/agent_view.h"
#include "core/mutex.h"

namespace vigile {

// Hands committed lines to whoever listens. Any thread. A subscription may outlive nothing but the feed.
class LiveFeed {
 public:
  using OnLines = std::function<void(std::string_view lines)>;
  std::unique_ptr<AgentView::Subscription> subscribe(OnLines on_lines) EXCLUDES(mutex_);
  // Calls every listener; when unsubscribing has returned, it is not called again.
  void publish(std::string_view lines) EXCLUDES(mutex_);

 private:
  class Handle;
  Mutex mutex_;
  std::vector<std::pair<const Handle*, OnLines>> listeners_ GUARDED_BY(mutex_);
};

}  // namespace vigile
