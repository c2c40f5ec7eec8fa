// SPDX-License-Identifier: Apache-2.0
#include "support/scripted_http_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <zlib.h>

#include <cctype>
#include <cstdlib>
#include <stdexcept>

#include "support/process.h"

namespace vigile {

namespace {

using Then = ScriptedAnswer::Then;

std::string gunzip(const std::string& packed) {
  z_stream stream{};
  ::inflateInit2(&stream, 16 + MAX_WBITS);
  std::string packed_copy = packed;
  stream.next_in = reinterpret_cast<Bytef*>(packed_copy.data());
  stream.avail_in = static_cast<uInt>(packed_copy.size());
  std::string text;
  char buffer[65536];
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    code = ::inflate(&stream, Z_NO_FLUSH);
    text.append(buffer, sizeof buffer - stream.avail_out);
  }
  const bool good = code == Z_STREAM_END && stream.avail_in == 0;
  ::inflateEnd(&stream);
  return good ? text : "(not one whole gzip member)";
}

}  // namespace

ScriptedHttpServer::ScriptedHttpServer(Script script, std::uint16_t port)
    : script_(std::move(script)), wake_(::eventfd(0, EFD_CLOEXEC)) {
  port_ = port;
  listener_ = listen_on_loopback(port_);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ScriptedHttpServer::~ScriptedHttpServer() {
  thread_.request_stop();
  ::eventfd_write(wake_.get(), 1);
}

std::vector<ScriptedRequest> ScriptedHttpServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool ScriptedHttpServer::wait_for(int fd, short events) const {
  pollfd waiting[] = {{fd, events, 0}, {wake_.get(), POLLIN, 0}};
  return ::poll(waiting, 2, -1) > 0 && waiting[1].revents == 0;
}

bool ScriptedHttpServer::send_all(int fd, std::string_view bytes) const {
  while (!bytes.empty()) {
    if (!wait_for(fd, POLLOUT)) return false;
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool ScriptedHttpServer::read_request(int fd, std::string& rest, ScriptedRequest& request) const {
  const auto more = [&] {
    char buffer[65536];
    if (!wait_for(fd, POLLIN)) return false;
    const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
    if (size > 0) rest.append(buffer, static_cast<std::size_t>(size));
    return size > 0;
  };
  std::size_t end = 0;
  while ((end = rest.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return false;
  }
  std::string head = rest.substr(0, end + 2);
  rest.erase(0, end + 4);
  request.line = head.substr(0, head.find("\r\n"));
  for (std::size_t at = request.line.size() + 2; at < head.size();) {
    const std::size_t colon = head.find(": ", at);
    const std::size_t line_end = head.find("\r\n", at);
    if (colon == std::string::npos || colon > line_end) return false;
    std::string name = head.substr(at, colon - at);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    request.headers[name] = head.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  if (hasty_) return true;
  const std::size_t length = std::strtoul(request.header("content-length").c_str(), nullptr, 10);
  while (rest.size() < length) {
    if (!more()) return false;
  }
  request.body = rest.substr(0, length);
  rest.erase(0, length);
  if (request.header("content-encoding") == "gzip") request.body = gunzip(request.body);
  return true;
}

bool ScriptedHttpServer::answer(int fd, const ScriptedAnswer& answer) const {
  if (answer.then == Then::close_before) return false;
  if (answer.then == Then::never) {
    wait_for(fd, POLLIN);
    return false;
  }
  std::string text = answer.raw;
  if (text.empty()) {
    text = "HTTP/1.1 " + std::to_string(answer.status) + " Scripted\r\n";
    for (const std::string& header : answer.headers) text += header + "\r\n";
    if (answer.status != 204 || answer.content_length) {
      text +=
          "Content-Length: " + std::to_string(answer.content_length.value_or(answer.body.size())) + "\r\n";
    }
    text += "\r\n" + answer.body;
  }
  if (answer.then == Then::flood) {
    const std::string block(1 << 16, 'x');
    flooded_ = 0;
    while (flooded_ < std::uint64_t{1} << 30 && send_all(fd, flooded_ == 0 ? text + block : block)) {
      flooded_ += block.size();
    }
    return false;
  }
  if (answer.then == Then::cut) text.resize(text.size() - (answer.body.size() + 1) / 2);
  if (answer.then == Then::trickle) {
    for (const char c : text) {
      if (!send_all(fd, std::string_view(&c, 1))) return false;
      ::poll(nullptr, 0, 1);
    }
    return true;
  }
  if (!send_all(fd, text + answer.unasked)) return false;
  if (answer.then == Then::deaf) {
    char buffer[65536];
    while (wait_for(fd, POLLIN) && ::recv(fd, buffer, sizeof buffer, 0) > 0) continue;
    return false;
  }
  if (answer.then == Then::reset) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  return answer.then == Then::go_on && answer.raw.empty();
}

void ScriptedHttpServer::serve(int fd) {
  std::string rest;
  for (ScriptedRequest request; read_request(fd, rest, request); request = {}) {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    if (!answer(fd, script_(request))) return;
  }
}

void ScriptedHttpServer::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!wait_for(listener_.get(), POLLIN)) return;
    const UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) continue;
    ++connections_;
    connection_ = fd.get();
    serve(fd.get());
  }
}

}  // namespace vigile
