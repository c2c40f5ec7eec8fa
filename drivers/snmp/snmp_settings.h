// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/option.h"
#include "core/result.h"
#include "drivers/scale/not_available.h"
#include "drivers/snmp/oid.h"
#include "drivers/snmp/snmp_value.h"

namespace vigile::snmp {

struct Peer {
  std::string shown;  // "10.0.0.2:161"
  std::string host;
  std::uint16_t port = 161;
};

// "10.0.0.2", "switch.example:1161", "[2001:db8::1]:161". Errors: config.
Result<Peer> parse_peer(std::string_view text);

struct Access {
  int version = 2;        // 1, 2 (2c), 3
  std::string community;  // v1, v2c
  std::string user;       // v3, and what follows
  std::string auth;       // "SHA-256"
  std::string auth_password;
  std::string privacy;  // "AES"
  std::string priv_password;
  std::string context;
};

struct Entry {
  std::string name;
  std::string written;  // the OID as the settings have it
  Oid oid;              // of a table: of the column
  Form form;
  NotAvailable not_available;  // of texts and numbers
  // Of a table:
  std::string tag;
  std::optional<Oid> label;  // column whose text is the tag's value; absent: the index
  // Columns of the same row from which the value is computed, see combined():
  std::optional<Oid> times, over, prefix, precision;

  bool is_combined() const { return times || over || prefix || precision; }
};

struct SnmpSettings {
  Peer peer;
  Access access;
  std::vector<Entry> gets;
  std::vector<Entry> tables;
  bool interfaces = false;
  std::vector<std::string> only_interfaces;
  std::vector<std::string> except_interfaces;
  std::chrono::nanoseconds timeout{};
  int retries = 0;
  int max_repetitions = 0;
};

std::span<const OptionSpec> option_table();

// Whether this net-snmp has been built with DES.
bool has_des();

// No I/O. Errors: config; never with a secret in it.
Result<SnmpSettings> read_settings(const Options& options);

}  // namespace vigile::snmp
