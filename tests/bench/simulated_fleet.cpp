// SPDX-License-Identifier: Apache-2.0
#include "bench/simulated_fleet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace vigile {
namespace {

namespace mqtt = mqtt_session;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kWindow = 16;

FleetTime now() {
  return std::chrono::steady_clock::now();
}

void append_length(std::string& bytes, std::size_t length) {
  do {
    bytes += static_cast<char>(length % 128 | (length >= 128 ? 128U : 0U));
    length /= 128;
  } while (length > 0);
}

// PUBLISH with QoS 1: MQTT 3.1.1, 3.3.
std::string encode_publish(std::uint16_t id, std::string_view topic, std::string_view payload) {
  std::string packet = "\x32";
  append_length(packet, 2 + topic.size() + 2 + payload.size());
  packet += {static_cast<char>(topic.size() >> 8U), static_cast<char>(topic.size())};
  packet += topic;
  packet += {static_cast<char>(id >> 8U), static_cast<char>(id)};
  packet += payload;
  return packet;
}

}  // namespace

SimulatedSession::SimulatedSession(Fleet& fleet, std::uint32_t index, std::string client_id)
    : fleet_(fleet), index_(index), client_id_(std::move(client_id)), backoff_(index + 1) {}

void SimulatedSession::connect() {
  fd_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(fleet_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fleet_.connects.push_back(now());
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    return drop();
  }
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u32 = index_}};
  ::epoll_ctl(fleet_.epoll.get(), EPOLL_CTL_ADD, fd_.get(), &event);
  mqtt::ConnectRequest request;
  request.version = mqtt::Version::v3_1_1;
  request.client_id = client_id_;
  request.keep_alive_s = 120;
  out_ = mqtt::encode_connect(request);
  in_.emplace(1 << 16);
}

void SimulatedSession::drop() {
  fd_.reset();
  if (up_) --fleet_.up;
  up_ = false;
  out_.clear();
  lost();
  retry_at_ =
      now() + (fleet_.retry == Retry::jittered ? backoff_.failed() : std::chrono::nanoseconds(seconds(1)));
}

void SimulatedSession::is_up_now() {
  up_ = true;
  ++fleet_.up;
}

void SimulatedSession::tick(FleetTime time) {
  if (!fd_ && time >= retry_at_) connect();
}

void SimulatedSession::flush() {
  while (!out_.empty()) {
    const ssize_t count = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      if (count < 0 && (errno == EAGAIN || errno == ENOTCONN)) return;
      return drop();
    }
    out_.erase(0, static_cast<std::size_t>(count));
  }
}

void SimulatedSession::ready(std::uint32_t events) {
  if (!fd_) return;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return drop();
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t count = ::recv(fd_.get(), piece.data(), piece.size(), 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return drop();
    if (count < 0) break;
    in_->feed({piece.data(), static_cast<std::size_t>(count)});
  }
  for (;;) {
    auto packet = in_->next();
    if (!packet) return drop();
    if (!*packet) break;
    if ((*packet)->type == int(mqtt::PacketType::connack)) {
      const auto answer = mqtt::decode_connack(mqtt::Version::v3_1_1, (*packet)->body);
      if (!answer || answer->reason != 0) return drop();
      greeted();
    } else {
      handle(**packet);
    }
    if (!fd_) return;
  }
  flush();
}

SimulatedAgent::SimulatedAgent(Fleet& fleet, std::uint32_t index, int number)
    : SimulatedSession(fleet, index, "vigile-" + std::to_string(number)), number_(number) {}

void SimulatedAgent::tick(FleetTime time) {
  if (fleet_.sampling && time >= next_sample) {
    next_sample += kFleetEvery;
    sample({});
  }
  SimulatedSession::tick(time);
}

void SimulatedAgent::sample(std::chrono::nanoseconds age) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch() - age;
  const long long time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count();
  std::string lines;
  std::array<char, 256> line{};
  for (int metric = 0; metric < kFleetMetrics; ++metric) {
    lines.append(line.data(), std::snprintf(line.data(), line.size(),
                                            "equipment_metrics,equipment_id=1,metric_name=metric_%d,site_id=%"
                                            "d,device=press-%d value=%d.5 %lld\n",
                                            metric, number_ / 50, number_, metric, time_ns));
  }
  fleet_.points += kFleetMetrics;
  waiting_.push_back({std::move(lines), 0, {}});
  if (is_up()) send_messages();
}

void SimulatedAgent::send_messages() {
  std::size_t in_flight = 0;
  const std::string topic =
      "vigile/" + std::to_string(number_ / 50) + "/press-" + std::to_string(number_) + "/points";
  for (Message& message : waiting_) {
    if (++in_flight > kWindow) break;
    if (message.id != 0) continue;
    if (++last_id_ == 0) ++last_id_;
    message.id = last_id_;
    message.sent = now();
    const std::string packet = encode_publish(message.id, topic, message.payload);
    fleet_.bytes += packet.size();
    send(packet);
  }
  flush();
}

void SimulatedAgent::greeted() {
  is_up_now();
  send_messages();
}

void SimulatedAgent::lost() {
  for (Message& message : waiting_) message.id = 0;
}

void SimulatedAgent::handle(const mqtt::Packet& packet) {
  constexpr int kPuback = 4;
  if (packet.type != kPuback || packet.body.size() < 2) return;
  const auto id = static_cast<std::uint16_t>(static_cast<unsigned char>(packet.body[0]) << 8U |
                                             static_cast<unsigned char>(packet.body[1]));
  const auto found =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const Message& m) { return m.id == id; });
  if (found == waiting_.end()) return;
  fleet_.latencies_ms.push_back(std::chrono::duration<double, std::milli>(now() - found->sent).count());
  ++fleet_.messages;
  waiting_.erase(found);
  send_messages();
}

void SimulatedReceiver::greeted() {
  send(mqtt::encode_subscribe(mqtt::Version::v3_1_1, 1, {.filter = std::string(kFleetSettingsTopic)}));
  flush();
}

void SimulatedReceiver::handle(const mqtt::Packet& packet) {
  if (packet.type == int(mqtt::PacketType::suback)) is_up_now();
  if (packet.type != int(mqtt::PacketType::publish)) return;
  const auto publish = mqtt::decode_publish(mqtt::Version::v3_1_1, packet);
  if (!publish) return;
  ++fleet_.settings_received;
  if (publish->qos > 0) send(mqtt::encode_puback(publish->id));
  flush();
}

Fleet::Fleet(int agents, bool with_settings, std::uint16_t broker_port)
    : port(broker_port), epoll(::epoll_create1(EPOLL_CLOEXEC)) {
  const auto next = [&] { return static_cast<std::uint32_t>(all_.size()); };
  for (int i = 0; i < agents; ++i) {
    auto agent = std::make_unique<SimulatedAgent>(*this, next(), i);
    agents_.push_back(agent.get());
    all_.push_back(std::move(agent));
    if (with_settings)
      all_.push_back(
          std::make_unique<SimulatedReceiver>(*this, next(), "vigile-" + std::to_string(i) + "-settings"));
  }
}

void Fleet::run_until(const std::function<bool()>& done, FleetTime limit) {
  std::array<epoll_event, 256> events{};
  for (FleetTime next = now(); !done() && now() < limit;) {
    const int count = ::epoll_wait(epoll.get(), events.data(), int(events.size()), 5);
    for (int i = 0; i < count; ++i) all_[events[i].data.u32]->ready(events[i].events);
    if (now() < next) continue;
    next = now() + milliseconds(5);
    for (auto& session : all_) session->tick(now());
  }
}

void Fleet::run_for(std::chrono::nanoseconds time) {
  run_until([] { return false; }, now() + time);
}

double Fleet::until_all_up() {
  const FleetTime begin = now();
  run_until([this] { return up == all_.size(); }, begin + seconds(120));
  return std::chrono::duration<double>(now() - begin).count();
}

void Fleet::sample_all(std::chrono::nanoseconds age) {
  for (SimulatedAgent* agent : agents_) agent->sample(age);
}

void Fleet::start_sampling() {
  for (std::size_t i = 0; i < agents_.size(); ++i) {
    agents_[i]->next_sample = now() + kFleetEvery * i / agents_.size();
  }
  sampling = true;
}

bool Fleet::all_acknowledged() const {
  return std::all_of(agents_.begin(), agents_.end(), [](const auto* agent) { return agent->is_idle(); });
}

}  // namespace vigile
