// SPDX-License-Identifier: Apache-2.0
#include "drivers/can/bus.h"

#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vigile::can {

namespace {

constexpr std::size_t kMostFilters = 512;  // CAN_RAW_FILTER_MAX
constexpr int kBufferBytes = 1 << 20;

Error fault(const std::string& interface, const char* what) {
  const ErrorKind kind = errno == ENODEV || errno == ENXIO   ? ErrorKind::not_found
                         : errno == EPERM || errno == EACCES ? ErrorKind::permission
                                                             : ErrorKind::unavailable;
  return Error{kind, interface + ": " + what + std::strerror(errno)};
}

}  // namespace

Result<std::unique_ptr<Bus>> Bus::open(const std::string& interface, const std::vector<IdFilter>& wanted) {
  UniqueFd fd(::socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, CAN_RAW));
  if (!fd) {
    if (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT)
      return Error{ErrorKind::unavailable, interface + ": the kernel has no CAN (module can_raw)"};
    return fault(interface, "socket: ");
  }
  sockaddr_can address{};
  address.can_family = AF_CAN;
  address.can_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  if (address.can_ifindex == 0)
    return Error{ErrorKind::not_found, interface + ": there is no such interface"};
  const int on = 1;
  ::setsockopt(fd.get(), SOL_CAN_RAW, CAN_RAW_FD_FRAMES, &on, sizeof on);  // older kernels have none
  const can_err_mask_t errors =
      CAN_ERR_BUSOFF | CAN_ERR_CRTL | CAN_ERR_PROT | CAN_ERR_ACK | CAN_ERR_RESTARTED;
  ::setsockopt(fd.get(), SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &errors, sizeof errors);
  if (wanted.size() <= kMostFilters) {
    std::vector<can_filter> filters;
    for (const IdFilter& one : wanted) filters.push_back({one.id, one.mask | CAN_RTR_FLAG});
    if (::setsockopt(fd.get(), SOL_CAN_RAW, CAN_RAW_FILTER, filters.data(),
                     static_cast<socklen_t>(filters.size() * sizeof(can_filter))) != 0)
      return fault(interface, "filter: ");
  }
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fault(interface, "");
  return std::make_unique<Bus>(std::move(fd), interface);
}

Result<bool> Bus::read(Frame& frame) {
  canfd_frame raw{};
  iovec place{&raw, sizeof raw};
  alignas(cmsghdr) char control[64];
  msghdr message{};
  message.msg_iov = &place;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t got = ::recvmsg(fd_.get(), &message, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got < 0) return fault(interface_, "");
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SO_RXQ_OVFL) continue;
    std::uint32_t lost = 0;
    std::memcpy(&lost, CMSG_DATA(one), sizeof lost);
    lost_ = lost;
  }
  // Both frames begin alike: id, length, flags.
  if (got != static_cast<ssize_t>(CAN_MTU) && got != static_cast<ssize_t>(CANFD_MTU))
    return Error{ErrorKind::parse, interface_ + ": a frame of " + std::to_string(got) + " bytes"};
  const std::size_t most = got == static_cast<ssize_t>(CAN_MTU) ? CAN_MAX_DLEN : CANFD_MAX_DLEN;
  frame.is_error = (raw.can_id & CAN_ERR_FLAG) != 0;
  frame.is_extended = (raw.can_id & CAN_EFF_FLAG) != 0;
  frame.id = raw.can_id & (frame.is_extended ? CAN_EFF_MASK : CAN_SFF_MASK);
  if (frame.is_error) frame.id = raw.can_id & CAN_ERR_MASK;
  // A request for data has none.
  frame.size =
      (raw.can_id & CAN_RTR_FLAG) != 0 ? 0 : static_cast<std::uint8_t>(std::min<std::size_t>(raw.len, most));
  std::copy(std::begin(raw.data), std::end(raw.data), frame.data.begin());
  return true;
}

}  // namespace vigile::can
