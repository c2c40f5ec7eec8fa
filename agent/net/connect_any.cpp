// SPDX-License-Identifier: Apache-2.0
#include "net/connect_any.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <vector>

namespace vigile::net {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAttemptDelay{250};  // RFC 8305 §8

class Race {
 public:
  Race(std::span<const Address> addresses, const Limit& limit)
      : addresses_(addresses), limit_(limit), causes_(addresses.size(), 0) {
    const auto share =
        (limit.deadline - limit.clock.boot()) / std::max<std::int64_t>(1, std::ssize(addresses));
    delay_ = std::min<std::chrono::nanoseconds>(kAttemptDelay, share);
  }

  Result<Connected> run() {
    const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const std::stop_callback on_stop(limit_.stop, [&wake] { (void)::eventfd_write(wake.get(), 1); });
    while (!limit_.stop.stop_requested()) {
      const BootTime now = limit_.clock.boot();
      const bool more = begun_ < addresses_.size();
      if (now >= limit_.deadline || (!more && pending_.empty())) return failure();
      if (more && (pending_.empty() || now >= next_at_)) {
        if (auto won = begin(begun_++)) return std::move(*won);
        continue;
      }
      wait(more ? std::min(next_at_, limit_.deadline) : limit_.deadline, wake.get());
      if (auto won = look()) return std::move(*won);
    }
    return Error{ErrorKind::unavailable, "stopped"};
  }

 private:
  struct Attempt {
    std::size_t index;  // of its address
    UniqueFd fd;
    BootTime began;
  };

  Connected connected(Attempt& attempt) const {
    return {std::move(attempt.fd), addresses_[attempt.index], limit_.clock.boot() - attempt.began};
  }

  std::optional<Connected> begin(std::size_t index) {
    const Address& to = addresses_[index];
    Attempt attempt{index, {}, limit_.clock.boot()};
    next_at_ = attempt.began + delay_;
    attempt.fd.reset(::socket(to.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (attempt.fd && ::connect(attempt.fd.get(), reinterpret_cast<const sockaddr*>(&to.bytes), to.size) == 0)
      return connected(attempt);
    causes_[index] = errno;
    if (errno == EINPROGRESS) pending_.push_back(std::move(attempt));
    return std::nullopt;
  }

  void wait(BootTime until, int wake) {
    waiting_.assign(1, {wake, POLLIN, 0});
    for (const Attempt& attempt : pending_) waiting_.push_back({attempt.fd.get(), POLLOUT, 0});
    const auto left = std::chrono::ceil<milliseconds>(until - limit_.clock.boot()).count();
    (void)::poll(waiting_.data(), waiting_.size(),
                 static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
  }

  // What the last wait() has seen.
  std::optional<Connected> look() {
    for (std::size_t i = pending_.size(); i-- > 0;) {
      if (waiting_[i + 1].revents == 0) continue;
      int& cause = causes_[pending_[i].index];
      socklen_t size = sizeof cause;
      if (::getsockopt(pending_[i].fd.get(), SOL_SOCKET, SO_ERROR, &cause, &size) != 0) cause = errno;
      if (cause == 0) return connected(pending_[i]);
      pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return std::nullopt;
  }

  Error failure() const {
    Error error{ErrorKind::unavailable, addresses_.empty() ? "has no address" : ""};
    bool silent = false;
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
      const bool waited = i >= begun_ || causes_[i] == EINPROGRESS || causes_[i] == ETIMEDOUT;
      silent = silent || waited;
      if (i == 0 && !waited) error.kind = errno_error("", causes_[i]).kind;
      if (i > 0) error.message += "; ";
      if (addresses_.size() > 1) error.message += addresses_[i].text + ": ";
      error.message += waited ? "no answer in time" : std::generic_category().message(causes_[i]);
    }
    if (silent) error.kind = ErrorKind::timeout;
    return error;
  }

  const std::span<const Address> addresses_;
  const Limit& limit_;
  std::chrono::nanoseconds delay_{};
  std::size_t begun_ = 0;
  BootTime next_at_;
  std::vector<int> causes_;  // errno of each address; EINPROGRESS: nothing yet
  std::vector<Attempt> pending_;
  std::vector<pollfd> waiting_;
};

}  // namespace

Result<Connected> connect_any(std::span<const Address> addresses, const Limit& limit) {
  return Race(addresses, limit).run();
}

Result<Connected> connect_any(const std::string& host, std::uint16_t port, const Limit& limit) {
  const auto addresses = resolve(host, port, limit);
  if (!addresses) return addresses.error();
  return connect_any(*addresses, limit);
}

}  // namespace vigile::net
