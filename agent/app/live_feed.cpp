// SPDX-License-Identifier: Apache-2.0
#include "app/live_feed.h"

#include <utility>

namespace vigile {

class LiveFeed::Handle final : public AgentView::Subscription {
 public:
  explicit Handle(LiveFeed& feed) : feed_(feed) {}
  ~Handle() override {
    const MutexLock lock(feed_.mutex_);
    std::erase_if(feed_.listeners_, [this](const auto& listener) { return listener.first == this; });
  }

 private:
  LiveFeed& feed_;
};

std::unique_ptr<AgentView::Subscription> LiveFeed::subscribe(OnLines on_lines) {
  auto handle = std::make_unique<Handle>(*this);
  const MutexLock lock(mutex_);
  listeners_.emplace_back(handle.get(), std::move(on_lines));
  return handle;
}

void LiveFeed::publish(std::string_view lines) {
  const MutexLock lock(mutex_);
  for (const auto& [handle, on_lines] : listeners_) on_lines(lines);
}

}  // namespace vigile
