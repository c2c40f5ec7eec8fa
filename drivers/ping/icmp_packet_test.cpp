// SPDX-License-Identifier: Apache-2.0
#include "drivers/ping/icmp_packet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>

#include "core/file.h"
#include "drivers/ping/ping.h"
#include "drivers/testcase/testcase.h"

namespace vigile {
namespace {

// Each packet of testcases/, with how it was received.
struct Captured {
  std::filesystem::path folder;
  IpFamily family = IpFamily::v4;
  bool raw = false;
  std::vector<std::uint8_t> bytes;
};

std::vector<Captured> captured_packets() {
  std::vector<Captured> all;
  for (const auto& folder : std::filesystem::directory_iterator(testcases_of(kPingDriver))) {
    if (!folder.is_directory()) continue;
    const auto text = read_file(folder.path() / "packet.hex");
    EXPECT_TRUE(text) << text.error().message;
    if (!text) continue;
    // First a line that says the socket, like "raw ipv4"; '#' begins a comment.
    std::istringstream lines(*text);
    Captured one{.folder = folder.path()};
    std::string line;
    std::getline(lines, line);
    one.raw = line.starts_with("raw ");
    one.family = line.ends_with("ipv6") ? IpFamily::v6 : IpFamily::v4;
    while (std::getline(lines, line)) {
      std::istringstream words(line.substr(0, line.find('#')));
      for (std::string word; words >> word;) {
        unsigned byte = 256;
        std::from_chars(word.data(), word.data() + word.size(), byte, 16);
        EXPECT_LT(byte, 256u) << word;
        one.bytes.push_back(static_cast<std::uint8_t>(byte));
      }
    }
    all.push_back(std::move(one));
  }
  return all;
}

std::string described(const Result<IcmpMessage>& message, IpFamily family) {
  if (!message)
    return "error: " + std::string(to_string(message.error().kind)) + ": " + message.error().message + "\n";
  const std::string ids = " id " + std::to_string(message->id) + " sequence " +
                          std::to_string(message->sequence) + ", payload of " +
                          std::to_string(message->payload.size()) + " bytes\n";
  switch (message->kind) {
    case IcmpMessage::Kind::reply:
      return "reply" + ids;
    case IcmpMessage::Kind::error:
      return icmp_error_text(family, message->type, message->code) + ":" + ids;
    case IcmpMessage::Kind::other:
      break;
  }
  return "other, type " + std::to_string(message->type) + "\n";
}

TEST(IcmpPacket, Testcases) {
  const bool update = std::getenv("VIGILE_UPDATE_EXPECTED") != nullptr;
  const auto packets = captured_packets();
  EXPECT_GE(packets.size(), 12u);
  for (const Captured& one : packets) {
    const std::string got = described(parse_icmp(one.bytes, one.family, one.raw), one.family);
    if (update) std::ofstream(one.folder / "expected.txt") << got;
    EXPECT_EQ(got, read_file(one.folder / "expected.txt").value_or("(no expected.txt)")) << one.folder;
  }
}

TEST(IcmpPacket, SurvivesEveryCutAndAnyMutation) {
  std::mt19937_64 random(20261125);
  for (const Captured& one : captured_packets()) {
    // Of exactly its size, so that the sanitizers see a read past the end.
    const auto parse = [&](std::vector<std::uint8_t> bytes) {
      const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[bytes.size()]);
      std::copy(bytes.begin(), bytes.end(), exact.get());
      const Bytes packet(exact.get(), bytes.size());
      for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
        for (const bool raw : {false, true}) {
          const auto message = parse_icmp(packet, family, raw);
          if (!message) continue;
          if (message->payload.empty()) continue;
          EXPECT_GE(message->payload.data(), packet.data());
          EXPECT_LE(message->payload.data() + message->payload.size(), packet.data() + packet.size());
        }
      }
    };
    for (std::size_t size = 0; size <= one.bytes.size(); ++size)
      parse({one.bytes.begin(), one.bytes.begin() + static_cast<std::ptrdiff_t>(size)});
    for (int i = 0; i < 2000 && !one.bytes.empty(); ++i) {
      std::vector<std::uint8_t> bytes = one.bytes;
      for (int times = 0; times < 3; ++times) {
        bytes[static_cast<std::size_t>(random() % std::min<std::size_t>(bytes.size(), 64))] =
            static_cast<std::uint8_t>(random());
      }
      bytes.resize(static_cast<std::size_t>(random() % (bytes.size() + 1)));
      parse(bytes);
    }
  }
}

TEST(IcmpPacket, BuildsRequestsThatAreReadBackAsQuoted) {
  const std::vector<std::uint8_t> payload = {1, 2, 3};
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
    const auto request = build_echo_request(family, 0x1234, 0xfffe, payload);
    const IcmpMessage quoted = parse_quoted_request(request, family, 3, 0);
    EXPECT_EQ(quoted.kind, IcmpMessage::Kind::error);
    EXPECT_EQ(quoted.id, 0x1234);
    EXPECT_EQ(quoted.sequence, 0xfffe);
    EXPECT_EQ(std::vector(quoted.payload.begin(), quoted.payload.end()), payload);
    EXPECT_EQ(parse_icmp(request, family, false)->kind, IcmpMessage::Kind::other);  // it is no reply
  }
  // The checksum that RFC 1071's sum gives by hand: 0800 + 1234 + fffe + 0102 + 0300 = 11e34 -> 1e35 -> e1ca.
  const auto request = build_echo_request(IpFamily::v4, 0x1234, 0xfffe, payload);
  EXPECT_EQ(request[2] << 8 | request[3], 0xe1ca);
}

TEST(IcmpPacket, NamesErrors) {
  EXPECT_EQ(icmp_error_text(IpFamily::v4, 3, 1), "host unreachable");
  EXPECT_EQ(icmp_error_text(IpFamily::v4, 3, 77), "unreachable");
  EXPECT_EQ(icmp_error_text(IpFamily::v6, 3, 0), "hop limit exceeded");
  EXPECT_EQ(icmp_error_text(IpFamily::v4, 12, 0), "ICMP error 12/0");
}

}  // namespace
}  // namespace vigile
