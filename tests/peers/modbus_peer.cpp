// SPDX-License-Identifier: Apache-2.0
// A Modbus device for tests: serves what an image file says, over TCP on 127.0.0.1 or on a serial line.
//   modbus_peer tcp PORT IMAGE
//   modbus_peer rtu DEVICE UNIT IMAGE          19200 8E1
// Lines of the image; addresses between the first and the last of a table are there, others are illegal:
//   holding 100: 1 0xffff 3      also input, coil, discrete
//   input 7 counts 3             goes up by 3 with each request
//   input 8 waves 250 40         250 ± 40, 20 requests a wave
#include <arpa/inet.h>
#include <modbus/modbus.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr std::array<const char*, 4> kTables = {"coil", "discrete", "holding", "input"};
constexpr double kWave = 20;

struct Cell {
  std::size_t table = 0;
  int address = 0;
  int value = 0;
};

struct Moving {
  std::size_t table = 0;
  int address = 0;
  int step = 0;    // counts
  int middle = 0;  // waves
  int height = 0;
};

struct Image {
  std::vector<Cell> cells;
  std::vector<Moving> moving;
};

bool read_image(const char* path, Image& image) {
  std::ifstream file(path);
  if (!file) return false;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string table, address, word;
    words >> table >> address;
    const auto found =
        static_cast<std::size_t>(std::find(kTables.begin(), kTables.end(), table) - kTables.begin());
    if (found == kTables.size() || address.empty()) return false;
    int at = std::stoi(address, nullptr, 0);
    while (words >> word) {
      if (word == "counts" || word == "waves") {
        Moving one{found, at};
        if (word == "counts") words >> one.step;
        if (word == "waves") words >> one.middle >> one.height;
        image.moving.push_back(one);
        image.cells.push_back({found, at, one.middle});
        break;
      }
      image.cells.push_back({found, at++, std::stoi(word, nullptr, 0)});
    }
  }
  return true;
}

modbus_mapping_t* map(const Image& image) {
  std::array<unsigned, 4> first{}, count{};
  for (std::size_t table = 0; table < 4; ++table) {
    int low = 65536, high = -1;
    for (const Cell& cell : image.cells) {
      if (cell.table != table) continue;
      low = std::min(low, cell.address);
      high = std::max(high, cell.address);
    }
    if (high < 0) continue;
    first[table] = static_cast<unsigned>(low);
    count[table] = static_cast<unsigned>(high - low + 1);
  }
  return modbus_mapping_new_start_address(first[0], count[0], first[1], count[1], first[2], count[2],
                                          first[3], count[3]);
}

void set(modbus_mapping_t& m, std::size_t table, int address, int value) {
  switch (table) {
    case 0:
      m.tab_bits[address - m.start_bits] = value != 0;
      break;
    case 1:
      m.tab_input_bits[address - m.start_input_bits] = value != 0;
      break;
    case 2:
      m.tab_registers[address - m.start_registers] = static_cast<std::uint16_t>(value);
      break;
    default:
      m.tab_input_registers[address - m.start_input_registers] = static_cast<std::uint16_t>(value);
  }
}

void move(modbus_mapping_t& m, Image& image, int requests) {
  for (const Moving& one : image.moving) {
    const double wave = std::sin(requests / kWave * 6.283185307179586) * one.height;
    const int value = one.step != 0 ? requests * one.step : one.middle + static_cast<int>(std::lround(wave));
    set(m, one.table, one.address, value);
  }
}

int listen_on(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 || listen(fd, 16) != 0) return -1;
  return fd;
}

// One question on the line that the context has; false when its connection is over.
bool serve(modbus_t* context, modbus_mapping_t* mapping, Image& image, int& requests) {
  std::array<std::uint8_t, MODBUS_TCP_MAX_ADU_LENGTH> query{};
  const int size = modbus_receive(context, query.data());
  if (size < 0) return false;
  if (size == 0) return true;  // for another unit
  move(*mapping, image, requests++);
  return modbus_reply(context, query.data(), size, mapping) >= 0;
}

int serve_tcp(int port, modbus_mapping_t* mapping, Image& image) {
  modbus_t* const context = modbus_new_tcp("127.0.0.1", port);
  std::vector<pollfd> waiting = {{listen_on(port), POLLIN, 0}};
  if (waiting[0].fd < 0) return 1;
  int requests = 0;
  while (poll(waiting.data(), waiting.size(), -1) > 0) {
    for (std::size_t i = waiting.size(); i-- > 1;) {
      if (waiting[i].revents == 0) continue;
      modbus_set_socket(context, waiting[i].fd);
      if (serve(context, mapping, image, requests)) continue;
      close(waiting[i].fd);
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (waiting[0].revents != 0) waiting.push_back({accept(waiting[0].fd, nullptr, nullptr), POLLIN, 0});
  }
  return 1;
}

int serve_rtu(const char* device, int unit, modbus_mapping_t* mapping, Image& image) {
  modbus_t* const context = modbus_new_rtu(device, 19200, 'E', 8, 1);
  modbus_set_slave(context, unit);
  if (modbus_connect(context) != 0) return 1;
  std::puts("ready");
  std::fflush(stdout);
  for (int requests = 0;;) {
    if (!serve(context, mapping, image, requests) && errno == EIO) return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool tcp = argc == 4 && std::strcmp(argv[1], "tcp") == 0;
  const bool rtu = argc == 5 && std::strcmp(argv[1], "rtu") == 0;
  if (!tcp && !rtu) {
    std::fputs("usage: modbus_peer tcp PORT IMAGE | modbus_peer rtu DEVICE UNIT IMAGE\n", stderr);
    return 2;
  }
  Image image;
  if (!read_image(argv[argc - 1], image)) {
    std::fprintf(stderr, "%s: cannot be read\n", argv[argc - 1]);
    return 2;
  }
  modbus_mapping_t* const mapping = map(image);
  if (mapping == nullptr) return 1;
  for (const Cell& cell : image.cells) set(*mapping, cell.table, cell.address, cell.value);
  return tcp ? serve_tcp(std::stoi(argv[2]), mapping, image)
             : serve_rtu(argv[2], std::stoi(argv[3]), mapping, image);
}
