// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt_fake_broker.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>

#include "support/process.h"

namespace vigile {

namespace {

std::string packet(int type_and_flags, const std::string& body) {
  return std::string(1, static_cast<char>(type_and_flags)) + std::string(1, static_cast<char>(body.size())) +
         body;
}

void send_all(int fd, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t now = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) return;
    sent += static_cast<std::size_t>(now);
  }
}

bool read_exact(int fd, char* to, std::size_t size) {
  while (size > 0) {
    const ssize_t now = ::recv(fd, to, size, 0);
    if (now <= 0) return false;
    to += now;
    size -= static_cast<std::size_t>(now);
  }
  return true;
}

std::uint16_t number_at(const std::string& text, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(text.at(at)) << 8 |
                                    static_cast<unsigned char>(text.at(at + 1)));
}

FakePublish parse_publish(const std::string& body, int flags) {
  FakePublish publish{.topic = "", .payload = "", .qos = flags >> 1 & 3, .retained = (flags & 1) != 0};
  std::size_t at = 2 + number_at(body, 0);
  publish.topic = body.substr(2, at - 2);
  if (publish.qos > 0) {
    publish.id = number_at(body, at);
    at += 2;
  }
  at += 1;  // no properties
  publish.payload = body.substr(at);
  return publish;
}

// Closes so that the peer reads all that was sent: data left unread here would make the kernel reset the
// connection, and take the last answer with it. A peer that goes on talking is left after two seconds.
void close_politely(int fd) {
  ::shutdown(fd, SHUT_WR);
  const timeval most{.tv_sec = 2, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  char rest[4096];
  while (::recv(fd, rest, sizeof rest, 0) > 0) {
  }
}

}  // namespace

std::string puback(std::uint16_t id, int reason) {
  return packet(0x40, {static_cast<char>(id >> 8), static_cast<char>(id), static_cast<char>(reason), '\0'});
}

std::string connack(int reason, const std::string& properties) {
  return packet(
      0x20, std::string{'\0', static_cast<char>(reason), static_cast<char>(properties.size())} + properties);
}

std::string disconnect(int reason) {
  return packet(0xe0, {static_cast<char>(reason), '\0'});
}

FakeBroker::FakeBroker(FakeBrokerScript script)
    : script_(std::move(script)), wake_(::eventfd(0, EFD_CLOEXEC)) {
  listener_ = listen_on_loopback(port_);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

FakeBroker::~FakeBroker() {
  thread_.request_stop();
  ::eventfd_write(wake_.get(), 1);
}

std::vector<FakePublish> FakeBroker::published() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

std::string FakeBroker::read_packet(int fd, int wait_ms, bool& quiet) const {
  quiet = false;
  pollfd waiting[] = {{fd, POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  if (::poll(waiting, 2, wait_ms) == 0) {
    quiet = true;
    return "";
  }
  if (waiting[1].revents != 0) return "";
  std::string head(1, '\0');
  if (!read_exact(fd, head.data(), 1)) return "";
  std::size_t size = 0;
  for (int shift = 0; shift < 28; shift += 7) {
    char digit = 0;
    if (!read_exact(fd, &digit, 1)) return "";
    size |= static_cast<std::size_t>(digit & 127) << shift;
    if ((digit & 128) == 0) break;
  }
  std::string body(size, '\0');
  if (!read_exact(fd, body.data(), size)) return "";
  return head + body;
}

void FakeBroker::serve(int fd, const std::stop_token& stop) {
  bool quiet = false;
  const std::string connect = read_packet(fd, 5000, quiet);
  if (connect.empty()) return;
  const std::string answer = script_.on_connect(connections_++, connect);
  send_all(fd, answer);
  if (answer.empty()) return;
  std::vector<std::string> held;
  while (!stop.stop_requested()) {
    const std::string text = read_packet(fd, held.empty() ? -1 : 200, quiet);
    if (text.empty() && !quiet) return;
    const int type = quiet ? 0 : static_cast<unsigned char>(text[0]) >> 4;
    if (type == 14) return;
    if (type == 12) send_all(fd, packet(0xd0, ""));
    if (type == 3) {
      const FakePublish publish = parse_publish(text.substr(1), text[0] & 15);
      {
        const std::lock_guard lock(mutex_);
        published_.push_back(publish);
      }
      if (publish.qos > 0) held.push_back(script_.on_publish(publish));
      most_unanswered_ = std::max(most_unanswered_.load(), held.size());
    }
    if (quiet || held.size() >= script_.hold) {
      for (const std::string& waiting : held) {
        send_all(fd, waiting);
        if (!waiting.empty() && static_cast<unsigned char>(waiting[0]) == 0xe0) return;
      }
      held.clear();
    }
  }
}

void FakeBroker::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd waiting[] = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    ::poll(waiting, 2, -1);
    if (stop.stop_requested() || waiting[0].revents == 0) continue;
    const UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) continue;
    serve(fd.get(), stop);
    close_politely(fd.get());
  }
}

}  // namespace vigile
