// SPDX-License-Identifier: Apache-2.0
// The objects of a captured agent, for snmpd's pass_persist (snmpd.conf(5)).
//   snmp_pass FILE
// FILE is what `snmpwalk -On` prints, one object a line: ".1.3.6.1.2.1.2.2.1.10.1 = Counter32: 4294967000",
// with strings in quotes or `Hex-STRING: 00 1B 21`. It is read anew for each question, so a test may change
// it.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Oid = std::vector<std::uint32_t>;

struct Object {
  std::string type;
  std::string value;
};

std::optional<Oid> parse_oid(const std::string& text) {
  Oid oid;
  std::istringstream parts(text.substr(text.empty() || text[0] != '.' ? 0 : 1));
  for (std::string part; std::getline(parts, part, '.');) {
    if (part.empty() || part.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
    oid.push_back(static_cast<std::uint32_t>(std::stoul(part)));
  }
  return oid;
}

// snmpwalk's names of types to pass_persist's.
std::string type_of(const std::string& name) {
  static const std::map<std::string, std::string> types = {
      {"INTEGER", "integer"},  {"Counter32", "counter"},   {"Counter64", "counter64"},
      {"Gauge32", "gauge"},    {"Timeticks", "timeticks"}, {"STRING", "string"},
      {"Hex-STRING", "octet"}, {"OID", "objectid"},        {"IpAddress", "ipaddress"}};
  const auto found = types.find(name);
  return found == types.end() ? "" : found->second;
}

std::map<Oid, Object> read_objects(const char* path) {
  std::map<Oid, Object> objects;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto equals = line.find(" = ");
    const auto colon = line.find(": ", equals);
    if (equals == std::string::npos || colon == std::string::npos) continue;
    const auto oid = parse_oid(line.substr(0, equals));
    Object object{type_of(line.substr(equals + 3, colon - equals - 3)), line.substr(colon + 2)};
    if (!oid || object.type.empty()) continue;
    std::string& value = object.value;
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    // "(12345) 0:02:03.45", "up(1)"
    const auto open = value.find('(');
    if (object.type == "timeticks" && open != std::string::npos)
      value = value.substr(open + 1, value.find(')') - open - 1);
    if (object.type == "integer" && open != std::string::npos)
      value = value.substr(open + 1, value.find(')') - open - 1);
    if (object.type != "string" && object.type != "octet") value = value.substr(0, value.find(' '));
    objects[*oid] = object;
  }
  return objects;
}

void answer(const Oid& oid, const Object& object) {
  for (const std::uint32_t number : oid) std::cout << '.' << number;
  std::cout << '\n' << object.type << '\n' << object.value << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (std::string command, text; std::getline(std::cin, command);) {
    if (command == "PING") {
      std::cout << "PONG" << std::endl;
      continue;
    }
    if (!std::getline(std::cin, text)) break;
    const auto oid = parse_oid(text);
    const auto objects = read_objects(argv[1]);
    auto found = objects.end();
    if (oid && command == "get") found = objects.find(*oid);
    if (oid && command == "getnext") found = objects.upper_bound(*oid);
    if (command == "set") std::getline(std::cin, text);
    if (found == objects.end()) {
      std::cout << (command == "set" ? "not-writable" : "NONE") << std::endl;
    } else {
      answer(found->first, found->second);
    }
  }
}
