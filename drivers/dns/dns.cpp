// SPDX-License-Identifier: Apache-2.0
#include "drivers/dns/dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "core/unique_fd.h"
#include "drivers/dns/answer.h"
#include "drivers/line_text/line_text.h"

namespace vigile {

namespace dns {

namespace {

using std::chrono::milliseconds;

struct Type {
  std::string_view name;
  int number;
};
constexpr std::array<Type, 9> kTypes = {{{"A", ns_t_a},
                                         {"AAAA", ns_t_aaaa},
                                         {"CNAME", ns_t_cname},
                                         {"MX", ns_t_mx},
                                         {"NS", ns_t_ns},
                                         {"PTR", ns_t_ptr},
                                         {"SOA", ns_t_soa},
                                         {"SRV", ns_t_srv},
                                         {"TXT", ns_t_txt}}};
constexpr std::array<std::string_view, 9> kTypeNames = {"A",   "AAAA", "CNAME", "MX", "NS",
                                                        "PTR", "SOA",  "SRV",   "TXT"};

constexpr std::array kOptions = {
    OptionSpec{.name = "query", .help = "The name to ask for.", .required = true},
    OptionSpec{.name = "type",
               .type = OptionType::choice,
               .help = "The type of record to ask for.",
               .fallback = "A",
               .choices = kTypeNames},
    OptionSpec{
        .name = "server",
        .help = "Address of the server, with :port or [IPv6]:port if not 53; the system's first if absent."},
    OptionSpec{.name = "expect",
               .help = "One of the answers must be this; as 192.0.2.7, or 10 mail.example for MX."},
    OptionSpec{.name = "timeout",
               .type = OptionType::duration,
               .help = "No answer after this long.",
               .fallback = "2s",
               .min = 0.001,
               .max = 60},
    OptionSpec{.name = "retries",
               .type = OptionType::integer,
               .help = "Ask again this often when there is no answer.",
               .fallback = "1",
               .min = 0,
               .max = 10},
};

constexpr std::array kMetrics = {
    MetricSpec{"response_time", "response_time", "float", "ms", "from the question to its answer"},
    MetricSpec{"dns_answers", "answers", "int", "1", "records of the type that was asked for"},
    MetricSpec{"dns_ttl", "ttl", "int", "s", "the least of their times to live"},
    MetricSpec{"dns_rcode", "rcode", "int", "1",
               "RFC 1035 4.1.1: 0 no error, 2 the server fails, 3 no such name, 5 refused"},
    MetricSpec{"dns_up", "up", "int", "1", "1: it answered as expected, 0: it did not"},
};

constexpr milliseconds kSlice{100};
constexpr std::size_t kMostBytes = 65'535;

struct Server {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  std::string shown;
};

Result<Server> parse_server(const std::string& text) {
  Server server;
  server.shown = text;
  std::string host = text;
  std::uint16_t port = 53;
  const std::size_t colon = text.rfind(':');
  const bool has_port = colon != std::string::npos && (text.find(':') == colon || text[colon - 1] == ']');
  if (has_port) {
    const auto parsed = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || port == 0) host.clear();
    if (!host.empty()) host = text.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  auto* const in = reinterpret_cast<sockaddr_in*>(&server.bytes);
  auto* const in6 = reinterpret_cast<sockaddr_in6*>(&server.bytes);
  if (::inet_pton(AF_INET, host.c_str(), &in->sin_addr) == 1) {
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    server.size = sizeof *in;
  } else if (::inet_pton(AF_INET6, host.c_str(), &in6->sin6_addr) == 1) {
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    server.size = sizeof *in6;
  } else {
    return Error{ErrorKind::config,
                 "server: " + shown_text(text) +
                     " is not an address like 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53"};
  }
  return server;
}

// The first name server of resolv.conf(5), read anew each time: it changes with the network.
Result<Server> system_server() {
  struct __res_state state {};
  if (::res_ninit(&state) != 0) return Error{ErrorKind::unavailable, "resolv.conf: cannot be read"};
  Result<Server> server =
      Error{ErrorKind::not_found, "resolv.conf: names no server; say which with the option server"};
  if (state._u._ext.nscount6 > 0 && state._u._ext.nsaddrs[0] != nullptr) {
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET6, &state._u._ext.nsaddrs[0]->sin6_addr, text, sizeof text);
    server = parse_server("[" + std::string(text) + "]:53");
  } else if (state.nscount > 0) {
    char text[INET_ADDRSTRLEN] = "";
    ::inet_ntop(AF_INET, &state.nsaddr_list[0].sin_addr, text, sizeof text);
    server = parse_server(text);
  }
  ::res_nclose(&state);
  return server;
}

struct DnsSettings {
  std::string query;
  std::size_t type = 0;  // of kTypes
  std::optional<Server> server;
  std::string expect;
  std::chrono::nanoseconds timeout{};
  std::int64_t retries = 0;
};

class DnsDriver final : public Driver {
 public:
  DnsDriver(DnsSettings settings, const Clock& clock) : settings_(std::move(settings)), clock_(clock) {}

  Result<void> sample(const SampleContext& context, Output& out) override {
    const auto server = settings_.server ? Result<Server>(*settings_.server) : system_server();
    if (!server) return server.error();
    double took_ms = 0;
    auto answer = ask(*server, context, took_ms);
    if (context.stop.stop_requested()) return {};
    const Result<void> judged = answer ? judge(*answer, *server) : Result<void>(answer.error());
    std::array<Value, kMetrics.size()> values;
    std::size_t count = 0;
    const auto add = [&](std::size_t metric, Number number) {
      values[count++] = {kMetrics[metric].name, kMetrics[metric].field, number};
    };
    if (answer) {
      add(0, took_ms);
      add(1, static_cast<std::int64_t>(answer->values.size()));
      if (answer->ttl_s) add(2, std::int64_t{*answer->ttl_s});
      add(3, std::int64_t{answer->rcode});
    }
    add(4, std::int64_t{judged ? 1 : 0});
    const std::array<Tag, 3> tags = {Tag{"query", settings_.query}, Tag{"server", server->shown},
                                     Tag{"type", kTypes[settings_.type].name}};
    out.add({.measurement = "dns", .tags = tags, .values = {values.data(), count}});
    if (judged) {
      out.availability(true, took_ms, "");
    } else {
      out.availability(false, std::nullopt, judged.error().message);
    }
    return judged;
  }

 private:
  Result<void> judge(const Answer& answer, const Server& server) const {
    const auto wrong = [&](const std::string& what) {
      return Error{ErrorKind::unavailable, server.shown + ": " + settings_.query + " " +
                                               std::string(kTypes[settings_.type].name) + ": " + what};
    };
    if (answer.rcode != 0) return wrong(rcode_text(answer.rcode));
    if (answer.values.empty()) return wrong("no record of this type");
    if (settings_.expect.empty()) return {};
    const int type = kTypes[settings_.type].number;
    const std::string expected = canonical_value(type, settings_.expect);
    for (const std::string& value : answer.values) {
      if (canonical_value(type, value) == expected) return {};
    }
    return wrong("expected " + shown_text(settings_.expect) + ", found " + shown_text(answer.values[0]) +
                 (answer.values.size() > 1 ? " and others" : ""));
  }

  Result<Answer> ask(const Server& server, const SampleContext& context, double& took_ms) const {
    std::vector<unsigned char> question(512);
    struct __res_state state {};
    const int size =
        ::res_nmkquery(&state, ns_o_query, settings_.query.c_str(), ns_c_in, kTypes[settings_.type].number,
                       nullptr, 0, nullptr, question.data(), static_cast<int>(question.size()));
    if (size < 12)
      return Error{ErrorKind::config, "query: " + shown_text(settings_.query) + " is not a name"};
    question.resize(static_cast<std::size_t>(size));
    question[2] |= 1;  // recursion desired: the state here is no resolver's
    Error error{ErrorKind::timeout, server.shown + ": no answer"};
    for (std::int64_t i = 0; i <= settings_.retries; ++i) {
      std::uint16_t id = 0;
      (void)!::getrandom(&id, sizeof id, 0);
      question[0] = static_cast<unsigned char>(id >> 8);
      question[1] = static_cast<unsigned char>(id & 0xff);
      const BootTime begin = clock_.boot();
      const BootTime end = std::min(context.deadline, begin + settings_.timeout);
      auto answer = exchange(server, question, id, SOCK_DGRAM, end, context.stop);
      // What does not fit into a datagram is asked for again over TCP.
      if (answer && answer->is_truncated)
        answer = exchange(server, question, id, SOCK_STREAM, end, context.stop);
      took_ms = std::chrono::duration<double, std::milli>(clock_.boot() - begin).count();
      if (answer || context.stop.stop_requested()) return answer;
      error = answer.error();
      if (clock_.boot() >= context.deadline || error.kind == ErrorKind::parse) break;
    }
    return error;
  }

  // Waits in slices, so that a stop ends it.
  bool wait(int fd, short events, BootTime end, const std::stop_token& stop) const {
    while (!stop.stop_requested()) {
      const auto left = std::chrono::duration_cast<milliseconds>(end - clock_.boot());
      if (left <= milliseconds(0)) return false;
      pollfd wanted{fd, events, 0};
      if (::poll(&wanted, 1, static_cast<int>(std::min(left, kSlice).count())) > 0) return true;
    }
    return false;
  }

  Result<Answer> exchange(const Server& server, const std::vector<unsigned char>& question, std::uint16_t id,
                          int kind, BootTime end, const std::stop_token& stop) const {
    const auto failed = [&](int error) {
      return Error{ErrorKind::unavailable, server.shown + ": " + std::strerror(error)};
    };
    const Error late{ErrorKind::timeout, server.shown + ": no answer"};
    const UniqueFd fd(::socket(server.bytes.ss_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // Connected, also over UDP: then only that server's packets come, and ICMP says that nobody listens.
    if (!fd) return failed(errno);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&server.bytes), server.size) != 0 &&
        errno != EINPROGRESS)
      return failed(errno);
    std::vector<unsigned char> packet;
    if (kind == SOCK_STREAM) {
      if (!wait(fd.get(), POLLOUT, end, stop)) return late;
      packet = {static_cast<unsigned char>(question.size() >> 8),
                static_cast<unsigned char>(question.size() & 0xff)};
    }
    packet.insert(packet.end(), question.begin(), question.end());
    if (::send(fd.get(), packet.data(), packet.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(packet.size()))
      return failed(errno);
    std::vector<unsigned char> got(kMostBytes + 2);
    std::size_t size = 0;
    while (wait(fd.get(), POLLIN, end, stop)) {
      const ssize_t bytes = ::recv(fd.get(), got.data() + size, got.size() - size, 0);
      if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (bytes < 0) return failed(errno);
      if (bytes == 0 && kind == SOCK_STREAM)
        return Error{ErrorKind::unavailable, server.shown + ": ends the connection"};
      std::span<const unsigned char> message(got.data(), static_cast<std::size_t>(bytes));
      if (kind == SOCK_STREAM) {
        size += static_cast<std::size_t>(bytes);
        const std::size_t whole = size < 2 ? kMostBytes : static_cast<std::size_t>(got[0] << 8 | got[1]);
        if (size < 2 || size - 2 < whole) continue;
        message = std::span<const unsigned char>(got.data() + 2, whole);
      }
      auto answer = parse_answer(message, id, kTypes[settings_.type].number);
      if (!answer) return Error{answer.error().kind, server.shown + ": " + answer.error().message};
      if (*answer) return std::move(**answer);
    }
    return late;
  }

  const DnsSettings settings_;
  const Clock& clock_;
};

Result<std::unique_ptr<Driver>> make(const Options& options, const DriverEnvironment& environment) {
  DnsSettings settings;
  settings.query = options.text("query");
  if (settings.query.empty() || settings.query.size() > 253 ||
      std::any_of(settings.query.begin(), settings.query.end(), [](char c) { return c <= ' ' || c > '~'; })) {
    return Error{ErrorKind::config,
                 "query: " + shown_text(settings.query) + " is not a name like www.example.com"};
  }
  settings.type = static_cast<std::size_t>(
      std::find(kTypeNames.begin(), kTypeNames.end(), options.text("type")) - kTypeNames.begin());
  if (options.has("server")) {
    auto server = parse_server(options.text("server"));
    if (!server) return server.error();
    settings.server = std::move(*server);
  }
  settings.expect = options.text("expect");
  if (!settings.expect.empty() && canonical_value(kTypes[settings.type].number, settings.expect).empty()) {
    return Error{ErrorKind::config, "expect: " + shown_text(settings.expect) + " is no address of type " +
                                        std::string(kTypes[settings.type].name)};
  }
  settings.timeout = options.duration("timeout");
  settings.retries = options.integer("retries");
  return std::unique_ptr<Driver>(std::make_unique<DnsDriver>(std::move(settings), environment.clock));
}

}  // namespace

}  // namespace dns

const DriverInfo kDnsDriver = {
    .name = "dns",
    .summary = "How long a name server takes for an answer, and whether it is the right one.",
    .options = dns::kOptions,
    .metrics = dns::kMetrics,
    .may_block = true,
    .decides_availability = true,
    .series =
        [](const Options& options) {
          return options.text("query") + " " + options.text("type") + " " + options.text("server");
        },
    .make = dns::make};

}  // namespace vigile
