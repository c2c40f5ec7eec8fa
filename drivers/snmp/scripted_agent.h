// SPDX-License-Identifier: Apache-2.0
// For tests: an SNMP agent of versions 1 and 2c on 127.0.0.1 that serves objects in the order in which they
// are listed, and misbehaves as its manners say.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "core/unique_fd.h"
#include "drivers/snmp/oid.h"

namespace vigile {

class ScriptedAgent {
 public:
  struct Object {
    snmp::Oid oid;
    std::string value;  // BER: of the functions below
  };
  struct Manners {
    enum class Bulk { answered, ignored, refused };
    Bulk bulk = Bulk::answered;
    bool only_version_1 = false;
    snmp::Oid refused_column{};  // what comes after anything in it is answered with genErr
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  // 0: one that is free
  };

  static std::string integer(std::int64_t value);
  static std::string text(std::string_view bytes);
  static std::string counter32(std::uint32_t value);
  static std::string counter64(std::uint64_t value);
  static std::string ticks(std::uint32_t value);

  ScriptedAgent(std::vector<Object> objects, Manners manners);
  ~ScriptedAgent();
  ScriptedAgent(const ScriptedAgent&) = delete;
  ScriptedAgent& operator=(const ScriptedAgent&) = delete;

  std::uint16_t port() const { return port_; }
  int asked() const { return asked_; }

 private:
  void run();
  std::string answer(const std::string& request);  // empty: none

  const std::vector<Object> objects_;
  const Manners manners_;
  std::uint16_t port_ = 0;
  UniqueFd socket_;
  UniqueFd stop_;
  std::atomic<int> asked_{0};
  std::jthread thread_;
};

}  // namespace vigile
