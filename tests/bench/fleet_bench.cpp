// SPDX-License-Identifier: Apache-2.0
// A fleet of simulated agents, a real Mosquitto, one real gateway (vigiled) and a real InfluxDB on this
// machine: what connecting, running, and coming back all at once cost, and whether anything is lost.
//   fleet_bench [AGENTS [SECONDS]]     default 1000 agents, 30 s of running
// An agent: a session of its own at the broker (MQTT 3.1.1, QoS 1, at most 16 messages unacknowledged), a
// message of 10 points every 10 s, kept until it is acknowledged; the agents' own backoff.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>

#include "core/unique_fd.h"
#include "delivery/backoff.h"
#include "drivers/mqtt/packet.h"
#include "integration/daemon.h"
#include "support/influx_server.h"
#include "support/mosquitto_server.h"

namespace vigile {
namespace {

namespace mqtt = mqtt_driver;
using Time = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kMetrics = 10;
constexpr auto kEvery = seconds(10);
constexpr std::size_t kWindow = 16;
constexpr int kBufferedMessages = 30;  // of an agent that was away for five minutes

Time now() {
  return std::chrono::steady_clock::now();
}

double since(Time begin) {
  return std::chrono::duration<double>(now() - begin).count();
}

// What a process has used, in seconds; its resident memory in KiB.
double cpu_s(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string word;
  double ticks = 0;
  for (int i = 1; i <= 15 && stat >> word; ++i) {
    if (i >= 14) ticks += std::stod(word);
  }
  return ticks / double(::sysconf(_SC_CLK_TCK));
}

long resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atol(line.c_str() + 6);
  }
  return 0;
}

enum class Retry { jittered, every_second };

struct Message {
  std::string payload;
  std::uint16_t id = 0;  // 0: not sent on this connection
  Time sent;
};

class Fleet;

class SimulatedAgent {
 public:
  SimulatedAgent(Fleet& fleet, int number, std::uint16_t port)
      : fleet_(fleet), number_(number), port_(port), backoff_(static_cast<std::uint64_t>(number) + 1) {}

  bool is_up() const { return up_; }
  bool is_idle() const { return waiting_.empty(); }
  void connect();
  void tick(Time time);
  void ready(std::uint32_t events);
  // A message whose points are `age` old.
  void sample(std::chrono::nanoseconds age);
  Time next_sample;

 private:
  void drop();
  void flush();
  void handle(const mqtt::Packet& packet);
  void send(std::string_view bytes) { out_ += bytes; }
  void send_messages();

  Fleet& fleet_;
  const int number_;
  const std::uint16_t port_;
  Backoff backoff_;
  UniqueFd fd_;
  bool up_ = false;
  Time retry_at_{};
  std::uint16_t last_id_ = 0;
  std::uint64_t sampled_ = 0;
  std::string out_;
  std::optional<mqtt::PacketReader> in_;
  std::deque<Message> waiting_;
};

class Fleet {
 public:
  Fleet(int agents, std::uint16_t port) : epoll(::epoll_create1(EPOLL_CLOEXEC)) {
    for (int i = 0; i < agents; ++i) all_.push_back(std::make_unique<SimulatedAgent>(*this, i, port));
  }

  void run_until(const std::function<bool()>& done, Time limit) {
    std::array<epoll_event, 256> events{};
    for (Time next = now(); !done() && now() < limit;) {
      const int count = ::epoll_wait(epoll.get(), events.data(), int(events.size()), 5);
      for (int i = 0; i < count; ++i) all_[events[i].data.u32]->ready(events[i].events);
      if (now() < next) continue;
      next = now() + milliseconds(5);
      for (auto& agent : all_) agent->tick(now());
    }
  }
  void run_for(std::chrono::nanoseconds time) {
    run_until([] { return false; }, now() + time);
  }
  // Returns when all are connected, or after two minutes.
  double until_all_up() {
    const Time begin = now();
    run_until([this] { return up == all_.size(); }, begin + seconds(120));
    return since(begin);
  }
  void sample_all(std::chrono::nanoseconds age) {
    for (auto& agent : all_) agent->sample(age);
  }
  void start_sampling() {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      all_[i]->next_sample = now() + kEvery * i / all_.size();
    }
    sampling = true;
  }
  bool all_acknowledged() const {
    return std::all_of(all_.begin(), all_.end(), [](const auto& agent) { return agent->is_idle(); });
  }
  std::size_t size() const { return all_.size(); }

  const UniqueFd epoll;
  std::size_t up = 0;
  bool sampling = false;
  Retry retry = Retry::jittered;
  std::uint64_t points = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::vector<double> latencies_ms;
  std::vector<Time> connects;

 private:
  std::vector<std::unique_ptr<SimulatedAgent>> all_;
};

void SimulatedAgent::connect() {
  fd_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fleet_.connects.push_back(now());
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    return drop();
  }
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET,
                    .data = {.u32 = static_cast<std::uint32_t>(number_)}};
  ::epoll_ctl(fleet_.epoll.get(), EPOLL_CTL_ADD, fd_.get(), &event);
  mqtt::ConnectRequest request;
  request.version = mqtt::Version::v3_1_1;
  request.client_id = "vigile-" + std::to_string(number_);
  request.keep_alive_s = 120;
  out_ = mqtt::encode_connect(request);
  in_.emplace(1 << 16);
}

void SimulatedAgent::drop() {
  fd_.reset();
  if (up_) --fleet_.up;
  up_ = false;
  out_.clear();
  for (Message& message : waiting_) message.id = 0;
  retry_at_ =
      now() + (fleet_.retry == Retry::jittered ? backoff_.failed() : std::chrono::nanoseconds(seconds(1)));
}

void SimulatedAgent::tick(Time time) {
  if (fleet_.sampling && time >= next_sample) {
    next_sample += kEvery;
    sample({});
  }
  if (!fd_ && time >= retry_at_) connect();
}

void SimulatedAgent::sample(std::chrono::nanoseconds age) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch() - age;
  const long long time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(wall).count();
  std::string lines;
  std::array<char, 256> line{};
  for (int metric = 0; metric < kMetrics; ++metric) {
    lines.append(line.data(), std::snprintf(line.data(), line.size(),
                                            "equipment_metrics,equipment_id=1,metric_name=metric_%d,site_id=%"
                                            "d,device=press-%d value=%d.5 %lld\n",
                                            metric, number_ / 50, number_, metric, time_ns));
  }
  fleet_.points += kMetrics;
  ++sampled_;
  waiting_.push_back({std::move(lines), 0, {}});
  if (up_) send_messages();
}

void SimulatedAgent::send_messages() {
  std::size_t in_flight = 0;
  for (Message& message : waiting_) {
    if (++in_flight > kWindow) break;
    if (message.id != 0) continue;
    if (++last_id_ == 0) ++last_id_;
    message.id = last_id_;
    message.sent = now();
    const std::string topic =
        "vigile/" + std::to_string(number_ / 50) + "/press-" + std::to_string(number_) + "/points";
    // PUBLISH with QoS 1: MQTT 3.1.1, 3.3.
    std::string body = {static_cast<char>(topic.size() >> 8U), static_cast<char>(topic.size())};
    body += topic;
    body += {static_cast<char>(message.id >> 8U), static_cast<char>(message.id)};
    body += message.payload;
    std::string head = "\x32";
    std::size_t length = body.size();
    do {
      head += static_cast<char>(length % 128 | (length >= 128 ? 128U : 0U));
      length /= 128;
    } while (length > 0);
    fleet_.bytes += head.size() + body.size();
    send(head);
    send(body);
  }
  flush();
}

void SimulatedAgent::flush() {
  while (!out_.empty()) {
    const ssize_t count = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (count <= 0) {
      if (count < 0 && (errno == EAGAIN || errno == ENOTCONN)) return;
      return drop();
    }
    out_.erase(0, static_cast<std::size_t>(count));
  }
}

void SimulatedAgent::ready(std::uint32_t events) {
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
    handle(**packet);
    if (!fd_) return;
  }
  flush();
}

void SimulatedAgent::handle(const mqtt::Packet& packet) {
  constexpr int kPuback = 4;
  if (packet.type == int(mqtt::PacketType::connack)) {
    const auto answer = mqtt::decode_connack(mqtt::Version::v3_1_1, packet.body);
    if (!answer || answer->reason != 0) return drop();
    up_ = true;
    ++fleet_.up;
    send_messages();
  } else if (packet.type == kPuback && packet.body.size() >= 2) {
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
}

std::string gateway(const std::string& broker, const std::string& influx) {
  return "site: {id: 1, name: centre}\ndevice: gateway\nequipment:\n  - id: broker\n    drivers:\n      - "
         "mqtt: {every: 1s, url: \"" +
         broker +
         "\", client_id: gateway, topics: [\"vigile/+/+/points\"], forward: true}\n"
         "store: {path: @STORE@}\napi: {socket: @SOCKET@}\nsinks:\n  - influx: {api: v1, url: \"" +
         influx + "\", database: fleet, every: 1s}\n";
}

double percentile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(double(values.size()) * part))];
}

// The most connections tried in one second.
std::size_t peak(std::vector<Time> times) {
  std::sort(times.begin(), times.end());
  std::size_t most = 0;
  for (std::size_t begin = 0, end = 0; end < times.size(); ++end) {
    while (times[end] - times[begin] > seconds(1)) ++begin;
    most = std::max(most, end - begin + 1);
  }
  return most;
}

struct Bench {
  Fleet& fleet;
  MosquittoServer& broker;
  InfluxServer& influx;

  // Until InfluxDB has every point that was made; its count.
  std::uint64_t until_all_stored() {
    std::uint64_t stored = 0;
    Time looked{};
    fleet.run_until(
        [&] {
          if (now() - looked < milliseconds(500)) return false;
          looked = now();
          stored = influx.count("fleet", "equipment_metrics", "device =~ /^press-/");
          return stored >= fleet.points;
        },
        now() + seconds(120));
    return stored;
  }

  void storm(const char* name, Retry retry) {
    fleet.retry = retry;
    fleet.sampling = false;
    until_all_stored();
    broker.stop();
    fleet.run_for(seconds(5));
    for (int i = kBufferedMessages; i > 0; --i) fleet.sample_all(kEvery * i);
    fleet.connects.clear();
    const std::uint64_t buffered = kBufferedMessages * kMetrics * fleet.size();
    const Time begin = now();
    broker.start();
    const double up_s = fleet.until_all_up();
    fleet.run_until([&] { return fleet.all_acknowledged(); }, now() + seconds(120));
    const double acknowledged_s = since(begin);
    const std::uint64_t stored = until_all_stored();
    std::printf(
        "%-34s all %zu back after %.1f s, peak %zu connects/s, %zu in all; %llu buffered points acknowledged "
        "after %.1f s, "
        "in InfluxDB after %.1f s (%.0f points/s); lost %lld\n",
        name, fleet.size(), up_s, peak(fleet.connects), fleet.connects.size(),
        static_cast<unsigned long long>(buffered), acknowledged_s, since(begin),
        double(buffered) / since(begin),
        static_cast<long long>(fleet.points) - static_cast<long long>(stored));
  }
};

int run(int agents, int running_s) {
  const rlimit files{static_cast<rlim_t>(agents) + 4096, static_cast<rlim_t>(agents) + 4096};
  ::setrlimit(RLIMIT_NOFILE, &files);
  std::printf(
      "%d agents, %d points every 10 s each; Mosquitto, one gateway and InfluxDB on the same machine, %ld "
      "cores\n",
      agents, kMetrics, ::sysconf(_SC_NPROCESSORS_ONLN));
  const TempDir session;
  MosquittoServer broker({.global_lines = {"max_queued_messages 0", "persistence true", "autosave_interval 0",
                                           "persistence_location " + session.path().string() + "/"}});
  InfluxServer influx;
  influx.create_database("fleet");
  Daemon central(gateway(broker.url(), influx.url()));
  central.start();
  if (!eventually([&] {
        return central.number("/drivers/0/runs") >= 2 && central.text("/drivers/0/last_error").empty();
      })) {
    std::fprintf(stderr, "the gateway does not reach the broker\n%s\n", central.output().c_str());
    return 1;
  }
  const long broker_before = resident_kib(broker.pid());
  Fleet fleet(agents, broker.port());
  Bench bench{fleet, broker, influx};

  const double up_s = fleet.until_all_up();
  std::printf("%-34s %zu connected in %.2f s\n", "start, all at once:", fleet.up, up_s);
  std::printf("%-34s %.1f KiB a connection\n",
              "memory of the broker:", double(resident_kib(broker.pid()) - broker_before) / agents);

  fleet.start_sampling();
  fleet.run_for(kEvery);
  fleet.latencies_ms.clear();
  const std::uint64_t messages = fleet.messages;
  const std::uint64_t bytes = fleet.bytes;
  const double cpu[] = {cpu_s(broker.pid()), cpu_s(central.process().pid()), cpu_s(influx.pid()),
                        cpu_s(::getpid())};
  const Time begin = now();
  fleet.run_for(seconds(running_s));
  const double took = since(begin);
  const double sent = double(fleet.messages - messages);
  const double points = sent * kMetrics;
  std::printf(
      "%-34s %.0f messages/s, %.0f points/s, %.0f bytes/s at the broker; acknowledged in %.2f ms (median), "
      "%.2f ms (99 %%)\n",
      "running:", sent / took, points / took, double(fleet.bytes - bytes) / took,
      percentile(fleet.latencies_ms, 0.5), percentile(fleet.latencies_ms, 0.99));
  std::printf("%-34s broker %.1f, gateway %.1f, InfluxDB %.1f, all agents simulated %.1f\n",
              "processor time, us a point:", (cpu_s(broker.pid()) - cpu[0]) / points * 1e6,
              (cpu_s(central.process().pid()) - cpu[1]) / points * 1e6,
              (cpu_s(influx.pid()) - cpu[2]) / points * 1e6, (cpu_s(::getpid()) - cpu[3]) / points * 1e6);
  std::printf("%-34s broker %ld KiB, gateway %ld KiB\n", "resident:", resident_kib(broker.pid()),
              resident_kib(central.process().pid()));

  bench.storm("broker restarted, agents' backoff:", Retry::jittered);
  bench.storm("broker restarted, each second:", Retry::every_second);
  const std::uint64_t stored = influx.count("fleet", "equipment_metrics", "device =~ /^press-/");
  std::printf("%-34s %llu points made, %llu in InfluxDB\n",
              "in the end:", static_cast<unsigned long long>(fleet.points),
              static_cast<unsigned long long>(stored));
  return stored == fleet.points ? 0 : 1;
}

}  // namespace
}  // namespace vigile

int main(int argc, char** argv) {
  const int agents = argc > 1 ? std::atoi(argv[1]) : 1000;
  const int running_s = argc > 2 ? std::atoi(argv[2]) : 30;
  if (agents < 1 || agents > 20000 || running_s < 1) {
    std::fprintf(stderr, "usage: fleet_bench [AGENTS, up to 20000 [SECONDS]]\n");
    return 2;
  }
  return vigile::run(agents, running_s);
}
