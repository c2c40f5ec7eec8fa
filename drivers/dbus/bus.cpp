// SPDX-License-Identifier: Apache-2.0
#include "drivers/dbus/bus.h"

#include <dlfcn.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vigile::dbus {

namespace {

constexpr int kDeepest = 8;
constexpr std::size_t kMostItems = 10'000;  // of one answer

// The functions of libsystemd that are used.
struct Library {
// clang-format off
#define VIGILE_FUNCTION(name) decltype(&::name) name = nullptr;
#define VIGILE_FOR_EACH_FUNCTION(X) \
  X(sd_bus_new) \
  X(sd_bus_set_address) \
  X(sd_bus_set_bus_client) \
  X(sd_bus_start) \
  X(sd_bus_open_system) \
  X(sd_bus_close_unref) \
  X(sd_bus_process) \
  X(sd_bus_wait) \
  X(sd_bus_is_ready) \
  X(sd_bus_call) \
  X(sd_bus_message_new_method_call) \
  X(sd_bus_message_append_basic) \
  X(sd_bus_message_unref) \
  X(sd_bus_message_peek_type) \
  X(sd_bus_message_read_basic) \
  X(sd_bus_message_enter_container) \
  X(sd_bus_message_exit_container) \
  X(sd_bus_message_at_end) \
  X(sd_bus_error_free)
  // clang-format on
  VIGILE_FOR_EACH_FUNCTION(VIGILE_FUNCTION)
#undef VIGILE_FUNCTION
  bool is_loaded = false;

  Library() {
    // Never unloaded: it keeps state of its own.
    void* const handle = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return;
    is_loaded = true;
#define VIGILE_LOAD(name)                                          \
  name = reinterpret_cast<decltype(name)>(::dlsym(handle, #name)); \
  is_loaded = is_loaded && name != nullptr;
    VIGILE_FOR_EACH_FUNCTION(VIGILE_LOAD)
#undef VIGILE_LOAD
#undef VIGILE_FOR_EACH_FUNCTION
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

struct ErrorHolder {
  sd_bus_error error{};
  ErrorHolder() = default;
  ErrorHolder(const ErrorHolder&) = delete;
  ErrorHolder& operator=(const ErrorHolder&) = delete;
  ~ErrorHolder() { library().sd_bus_error_free(&error); }
};

struct MessageHolder {
  sd_bus_message* message = nullptr;
  MessageHolder() = default;
  MessageHolder(const MessageHolder&) = delete;
  MessageHolder& operator=(const MessageHolder&) = delete;
  ~MessageHolder() { library().sd_bus_message_unref(message); }
};

class Reader {
 public:
  explicit Reader(sd_bus_message* message) : message_(message) {}
  // False when it is malformed, or more than we take.
  bool read(Value& value, int depth) {
    char type = 0;
    const char* contents = nullptr;
    if (depth > kDeepest || ++items_ > kMostItems ||
        library().sd_bus_message_peek_type(message_, &type, &contents) <= 0)
      return false;
    switch (type) {
      case SD_BUS_TYPE_BOOLEAN: {
        int flag = 0;
        if (!basic(type, &flag)) return false;
        value.data = flag != 0;
        return true;
      }
      case SD_BUS_TYPE_BYTE:
        return number<std::uint8_t>(type, value);
      case SD_BUS_TYPE_INT16:
        return number<std::int16_t>(type, value);
      case SD_BUS_TYPE_UINT16:
        return number<std::uint16_t>(type, value);
      case SD_BUS_TYPE_INT32:
        return number<std::int32_t>(type, value);
      case SD_BUS_TYPE_UINT32:
        return number<std::uint32_t>(type, value);
      case SD_BUS_TYPE_INT64:
        return number<std::int64_t>(type, value);
      case SD_BUS_TYPE_UINT64:
        return number<std::uint64_t>(type, value);
      case SD_BUS_TYPE_DOUBLE: {
        double real = 0;
        if (!basic(type, &real)) return false;
        value.data = real;
        return true;
      }
      case SD_BUS_TYPE_STRING:
      case SD_BUS_TYPE_OBJECT_PATH:
      case SD_BUS_TYPE_SIGNATURE: {
        const char* text = nullptr;
        if (!basic(type, &text)) return false;
        value.data = std::string(text);
        return true;
      }
      case SD_BUS_TYPE_VARIANT:
        return within(type, contents, [&] { return read(value, depth + 1); });
      case SD_BUS_TYPE_ARRAY:
        if (contents != nullptr && contents[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN)
          return read_map(value, contents, depth);
        [[fallthrough]];
      case SD_BUS_TYPE_STRUCT:
        return read_list(type, value, contents, depth);
      default:
        return false;
    }
  }

 private:
  bool basic(char type, void* to) { return library().sd_bus_message_read_basic(message_, type, to) > 0; }
  template <class T>
  bool number(char type, Value& value) {
    T read{};
    if (!basic(type, &read)) return false;
    if constexpr (std::is_signed_v<T>) {
      value.data = std::int64_t{read};
    } else {
      value.data = std::uint64_t{read};
    }
    return true;
  }
  template <class Read>
  bool within(char type, const char* contents, const Read& read) {
    if (library().sd_bus_message_enter_container(message_, type, contents) <= 0) return false;
    return read() && library().sd_bus_message_exit_container(message_) >= 0;
  }
  bool read_list(char type, Value& value, const char* contents, int depth) {
    Value::List list;
    const bool done = within(type, contents, [&] {
      while (library().sd_bus_message_at_end(message_, 0) == 0) {
        if (!read(list.emplace_back(), depth + 1)) return false;
      }
      return true;
    });
    value.data = std::move(list);
    return done;
  }
  bool read_map(Value& value, const char* contents, int depth) {
    Value::Map map;
    const std::string inner(contents + 1, std::strlen(contents) - 2);  // without its braces
    const bool done = within(SD_BUS_TYPE_ARRAY, contents, [&] {
      while (library().sd_bus_message_at_end(message_, 0) == 0) {
        const bool read_entry = within(SD_BUS_TYPE_DICT_ENTRY, inner.c_str(), [&] {
          Value key, entry;
          if (!read(key, depth + 1) || !read(entry, depth + 1)) return false;
          if (key.text() != nullptr) map.insert_or_assign(*key.text(), std::move(entry));
          return true;
        });
        if (!read_entry) return false;
      }
      return true;
    });
    value.data = std::move(map);
    return done;
  }

  sd_bus_message* const message_;
  std::size_t items_ = 0;
};

class SystemBus final : public Bus {
 public:
  explicit SystemBus(sd_bus* bus) : bus_(bus) {}
  ~SystemBus() override { library().sd_bus_close_unref(bus_); }
  SystemBus(const SystemBus&) = delete;
  SystemBus& operator=(const SystemBus&) = delete;

  Result<Value> ask(const Question& question, std::chrono::nanoseconds limit) override {
    MessageHolder call;
    if (library().sd_bus_message_new_method_call(bus_, &call.message, question.destination.c_str(),
                                                 question.path.c_str(), question.interface.c_str(),
                                                 question.method.c_str()) < 0) {
      return Error{ErrorKind::unavailable, question.destination + ": no message can be made"};
    }
    for (const std::string& argument : question.arguments) {
      if (library().sd_bus_message_append_basic(call.message, SD_BUS_TYPE_STRING, argument.c_str()) < 0)
        return Error{ErrorKind::config,
                     question.destination + ": \"" + argument.substr(0, 100) + "\" is no text"};
    }
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(limit).count();
    ErrorHolder error;
    MessageHolder answer;
    const int done = library().sd_bus_call(bus_, call.message,
                                           static_cast<std::uint64_t>(std::max<std::int64_t>(us, 1000)),
                                           &error.error, &answer.message);
    if (done < 0) return describe(question, error.error, -done);
    Value value;
    char type = 0;
    const char* contents = nullptr;
    if (library().sd_bus_message_peek_type(answer.message, &type, &contents) == 0) return value;
    if (!Reader(answer.message).read(value, 0))
      return Error{ErrorKind::parse, question.destination + ": an answer that cannot be read"};
    return value;
  }

 private:
  static Error describe(const Question& question, const sd_bus_error& error, int number) {
    const std::string_view name = error.name == nullptr ? "" : error.name;
    const auto ends = [&](std::string_view with) { return name.ends_with(with); };
    const ErrorKind kind =
        ends(".ServiceUnknown") || ends(".NameHasNoOwner") || ends(".UnknownObject") ||
                ends(".UnknownMethod") || ends(".UnknownInterface") || ends(".UnknownProperty") ||
                ends(".NoSuchUnit")
            ? ErrorKind::not_found
        : ends(".AccessDenied") || number == EACCES || number == EPERM ? ErrorKind::permission
        : ends(".Timeout") || ends(".NoReply") || number == ETIMEDOUT  ? ErrorKind::timeout
                                                                       : ErrorKind::unavailable;
    std::string why;
    for (const char c :
         std::string_view(error.message == nullptr ? std::strerror(number) : error.message).substr(0, 200))
      why += static_cast<unsigned char>(c) < ' ' ? '?' : c;
    return Error{kind, question.destination + ": " + why};
  }

  sd_bus* const bus_;
};

// sd_bus_call() alone waits for the greeting for a minute and a half, whatever its limit.
int await_greeting(sd_bus* bus, std::chrono::nanoseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const int ready = library().sd_bus_is_ready(bus);
    if (ready != 0) return ready;
    const int done = library().sd_bus_process(bus, nullptr);
    if (done < 0) return done;
    const auto left =
        std::chrono::duration_cast<std::chrono::microseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return -ETIMEDOUT;
    if (done == 0) (void)library().sd_bus_wait(bus, static_cast<std::uint64_t>(left.count()));
  }
}

}  // namespace

bool is_available() {
  return true;
}

Result<std::unique_ptr<Bus>> Bus::open(const std::string& address, std::chrono::nanoseconds limit) {
  if (!library().is_loaded)
    return Error{ErrorKind::unavailable, "D-Bus: libsystemd.so.0 is not on this machine"};
  sd_bus* bus = nullptr;
  int done = 0;
  if (address.empty()) {
    done = library().sd_bus_open_system(&bus);
  } else {
    done = library().sd_bus_new(&bus);
    if (done >= 0) done = library().sd_bus_set_address(bus, address.c_str());
    if (done >= 0) done = library().sd_bus_set_bus_client(bus, 1);
    if (done >= 0) done = library().sd_bus_start(bus);
  }
  if (done >= 0) done = await_greeting(bus, limit);
  if (done > 0) return std::unique_ptr<Bus>(std::make_unique<SystemBus>(bus));
  if (bus != nullptr) library().sd_bus_close_unref(bus);
  return Error{done == -ETIMEDOUT ? ErrorKind::timeout : ErrorKind::unavailable,
               "D-Bus: the system bus does not answer: " + std::string(std::strerror(-done))};
}

const Value* Value::find(std::string_view key) const {
  const Map* const entries = map();
  if (entries == nullptr) return nullptr;
  const auto found = entries->find(key);
  return found == entries->end() ? nullptr : &found->second;
}

bool Value::is_number() const {
  return std::holds_alternative<std::int64_t>(data) || std::holds_alternative<std::uint64_t>(data) ||
         std::holds_alternative<double>(data);
}

double Value::number() const {
  if (const auto* whole = std::get_if<std::int64_t>(&data)) return static_cast<double>(*whole);
  if (const auto* count = std::get_if<std::uint64_t>(&data)) return static_cast<double>(*count);
  if (const auto* real = std::get_if<double>(&data)) return *real;
  return 0;
}

}  // namespace vigile::dbus
