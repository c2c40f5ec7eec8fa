// SPDX-License-Identifier: Apache-2.0
#include "support/fake_bus.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>

#include <cstring>
#include <fstream>
#include <stdexcept>

#include "core/unique_fd.h"

namespace vigile {

struct FakeService::State {
  sd_bus* bus = nullptr;
  FakeObjects objects;
  std::map<std::string, std::string> units;
  ~State() { sd_bus_flush_close_unref(bus); }
};

namespace {

void append(sd_bus_message* to, const FakeProperties& properties) {
  sd_bus_message_open_container(to, 'a', "{sv}");
  for (const auto& [name, value] : properties) {
    sd_bus_message_open_container(to, 'e', "sv");
    sd_bus_message_append(to, "s", name.c_str());
    value(to);
    sd_bus_message_close_container(to);
  }
  sd_bus_message_close_container(to);
}

int answer(sd_bus_message* call, void* user, sd_bus_error*) {
  const auto& state = *static_cast<const FakeService::State*>(user);
  std::uint8_t type = 0;
  sd_bus_message_get_type(call, &type);
  if (type != SD_BUS_MESSAGE_METHOD_CALL) return 0;
  const std::string member = sd_bus_message_get_member(call);
  const std::string path = sd_bus_message_get_path(call);
  sd_bus_message* reply = nullptr;
  const auto fail = [&](const char* name) {
    sd_bus_reply_method_errorf(call, name, "%s: no such thing", path.c_str());
    return 1;
  };
  sd_bus_message_new_method_return(call, &reply);
  if (member == "GetAll") {
    const char* interface = nullptr;
    sd_bus_message_read(call, "s", &interface);
    const auto object = state.objects.find(path);
    if (object == state.objects.end() || object->second.count(interface) == 0)
      return fail("org.freedesktop.DBus.Error.UnknownInterface");
    append(reply, object->second.at(interface));
  } else if (member == "GetManagedObjects") {
    sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}");
    for (const auto& [object, interfaces] : state.objects) {
      sd_bus_message_open_container(reply, 'e', "oa{sa{sv}}");
      sd_bus_message_append(reply, "o", object.c_str());
      sd_bus_message_open_container(reply, 'a', "{sa{sv}}");
      for (const auto& [interface, properties] : interfaces) {
        sd_bus_message_open_container(reply, 'e', "sa{sv}");
        sd_bus_message_append(reply, "s", interface.c_str());
        append(reply, properties);
        sd_bus_message_close_container(reply);
      }
      sd_bus_message_close_container(reply);
      sd_bus_message_close_container(reply);
    }
    sd_bus_message_close_container(reply);
  } else if (member == "LoadUnit") {
    const char* unit = nullptr;
    sd_bus_message_read(call, "s", &unit);
    const auto found = state.units.find(unit);
    if (found == state.units.end()) return fail("org.freedesktop.systemd1.NoSuchUnit");
    sd_bus_message_append(reply, "o", found->second.c_str());
  } else {
    return fail("org.freedesktop.DBus.Error.UnknownMethod");
  }
  sd_bus_send(nullptr, reply, nullptr);
  sd_bus_message_unref(reply);
  return 1;
}

// Its file is there before it listens.
bool accepts(const std::filesystem::path& path) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.string().copy(name.sun_path, sizeof name.sun_path - 1);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

}  // namespace

FakeBus::FakeBus() {
  std::ofstream(dir_ / "bus.conf")
      << "<busconfig><type>custom</type><listen>unix:path=" << (dir_ / "bus").string()
      << "</listen><policy context='default'><allow send_destination='*'/><allow receive_sender='*'/>"
         "<allow own='*'/><allow user='*'/></policy></busconfig>\n";
  daemon_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{"dbus-daemon", "--nofork", "--config-file=" + (dir_ / "bus.conf").string()},
      dir_ / "log");
  if (!eventually([&] { return accepts(dir_ / "bus") || !daemon_->running(); }) || !daemon_->running())
    throw std::runtime_error("dbus-daemon: " + daemon_->output());
}

FakeService::FakeService(const FakeBus& bus, std::string name, FakeObjects objects,
                         std::map<std::string, std::string> units)
    : state_(std::make_shared<State>()) {
  state_->objects = std::move(objects);
  state_->units = std::move(units);
  if (sd_bus_new(&state_->bus) < 0 || sd_bus_set_address(state_->bus, bus.address().c_str()) < 0 ||
      sd_bus_set_bus_client(state_->bus, 1) < 0 || sd_bus_start(state_->bus) < 0 ||
      sd_bus_add_filter(state_->bus, nullptr, answer, state_.get()) < 0 ||
      sd_bus_request_name(state_->bus, name.c_str(), 0) < 0) {
    throw std::runtime_error(name + ": cannot be had on the bus");
  }
  thread_ = std::jthread([state = state_](std::stop_token stop) {
    while (!stop.stop_requested()) {
      if (sd_bus_process(state->bus, nullptr) == 0) sd_bus_wait(state->bus, 20'000);
    }
  });
}

FakeProperty fake_text(std::string value) {
  return [value = std::move(value)](sd_bus_message* m) { sd_bus_message_append(m, "v", "s", value.c_str()); };
}
FakeProperty fake_u(std::uint32_t value) {
  return [value](sd_bus_message* m) { sd_bus_message_append(m, "v", "u", value); };
}
FakeProperty fake_t(std::uint64_t value) {
  return [value](sd_bus_message* m) { sd_bus_message_append(m, "v", "t", value); };
}
FakeProperty fake_i(std::int32_t value) {
  return [value](sd_bus_message* m) { sd_bus_message_append(m, "v", "i", value); };
}
FakeProperty fake_d(double value) {
  return [value](sd_bus_message* m) { sd_bus_message_append(m, "v", "d", value); };
}

}  // namespace vigile
