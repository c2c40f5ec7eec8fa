// SPDX-License-Identifier: Apache-2.0
#include "drivers/snmp/snmp_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "drivers/scale/scale.h"

namespace vigile::snmp {

namespace {

constexpr std::array<std::string_view, 3> kVersions = {"1", "2c", "3"};
constexpr std::array<std::string_view, 6> kAuths = {"MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"};
constexpr std::array<std::string_view, 4> kPrivacies = {"AES", "AES-192", "AES-256", "DES"};
constexpr std::array<std::string_view, 6> kAs = {"gauge", "counter", "rate", "text", "hex", "mac"};  // as As

constexpr std::array kGetColumns = {
    OptionSpec{.name = "name", .help = "Name of the metric.", .required = true},
    OptionSpec{.name = "oid",
               .help = "Object and instance: 1.3.6.1.2.1.1.3.0, or a known name: sysUpTime.0.",
               .required = true},
    OptionSpec{
        .name = "as",
        .type = OptionType::choice,
        .help = "gauge: a number; counter: one that only grows; rate: its growth a second; text; hex; mac.",
        .fallback = "gauge",
        .choices = kAs},
    kScaleOption,
    kOffsetOption,
    kUnitOption,
    kDecimalOption,
    kThousandsOption,
    kNotAvailableTextOption,
};

constexpr std::array kTableColumns = {
    OptionSpec{.name = "name", .help = "Name of the metric.", .required = true},
    OptionSpec{.name = "oid",
               .help = "Column of a table, without an index: 1.3.6.1.2.1.25.3.3.1.2, or hrProcessorLoad.",
               .required = true},
    OptionSpec{
        .name = "as", .type = OptionType::choice, .help = "As in get.", .fallback = "gauge", .choices = kAs},
    OptionSpec{.name = "scale", .type = OptionType::number, .help = "As in get.", .fallback = "1"},
    OptionSpec{.name = "offset", .type = OptionType::number, .help = "As in get.", .fallback = "0"},
    OptionSpec{.name = "unit", .help = "As in get."},
    OptionSpec{.name = "decimal", .type = OptionType::choice, .help = "As in get.", .choices = kDecimalSigns},
    OptionSpec{.name = "thousands",
               .type = OptionType::choice,
               .help = "As in get.",
               .fallback = "none",
               .choices = kThousandsSigns},
    OptionSpec{.name = "not_available", .type = OptionType::list, .help = "As in get.", .or_one = true},
    OptionSpec{.name = "times", .help = "Column to multiply with: hrStorageAllocationUnits."},
    OptionSpec{.name = "over", .help = "Column to divide by: hrStorageSize, with scale 100 for percent."},
    OptionSpec{.name = "prefix",
               .help = "Column of the unit's prefix: entPhySensorScale; 8 is milli, 9 none."},
    OptionSpec{.name = "precision", .help = "Column of the digits behind the point: entPhySensorPrecision."},
    OptionSpec{.name = "tag", .help = "Tag that tells the rows apart.", .fallback = "index"},
    OptionSpec{.name = "label",
               .help = "Column whose text is the tag's value: ifName; the row's index if absent."},
};

constexpr std::array kOptions = {
    OptionSpec{.name = "address", .help = "The agent: host, or host:port; UDP.", .required = true},
    OptionSpec{.name = "version",
               .type = OptionType::choice,
               .help = "1, 2c, or 3.",
               .fallback = "2c",
               .choices = kVersions},
    OptionSpec{
        .name = "community", .help = "Community of versions 1 and 2c; public if absent.", .secret = true},
    OptionSpec{.name = "user", .help = "User of version 3."},
    OptionSpec{.name = "auth",
               .type = OptionType::choice,
               .help = "How the user is authenticated: MD5, SHA, SHA-224, SHA-256, SHA-384, SHA-512.",
               .fallback = "SHA",
               .choices = kAuths},
    OptionSpec{.name = "auth_password", .help = "Not authenticated if absent.", .secret = true},
    OptionSpec{.name = "privacy",
               .type = OptionType::choice,
               .help = "How messages are encrypted: AES, AES-192, AES-256; DES, of old devices.",
               .fallback = "AES",
               .choices = kPrivacies},
    OptionSpec{.name = "priv_password", .help = "Not encrypted if absent.", .secret = true},
    OptionSpec{.name = "context", .help = "Context name of version 3."},
    OptionSpec{
        .name = "get", .type = OptionType::rows, .help = "Single values to read.", .columns = kGetColumns},
    OptionSpec{.name = "tables",
               .type = OptionType::rows,
               .help = "Columns of tables to walk; one series a row.",
               .columns = kTableColumns},
    OptionSpec{.name = "interfaces",
               .type = OptionType::boolean,
               .help = "Traffic, errors, drops, state and speed of each interface.",
               .fallback = "false"},
    OptionSpec{.name = "only_interfaces",
               .type = OptionType::list,
               .help = "Names or patterns of interfaces (ifName); all, if absent."},
    OptionSpec{.name = "except_interfaces",
               .type = OptionType::list,
               .help = "Names or patterns of interfaces to leave out."},
    OptionSpec{.name = "timeout",
               .type = OptionType::duration,
               .help = "No answer after this long.",
               .fallback = "1s",
               .min = 0.01,
               .max = 60},
    OptionSpec{.name = "retries",
               .type = OptionType::integer,
               .help = "Ask again this often, within the deadline.",
               .fallback = "2",
               .min = 0,
               .max = 10},
    OptionSpec{.name = "max_repetitions",
               .type = OptionType::integer,
               .help = "Rows asked for at once in a walk (GetBulk).",
               .fallback = "20",
               .min = 1,
               .max = 200},
};

constexpr std::size_t kLongestName = 100;
constexpr std::size_t kMostEntries = 2000;
constexpr std::size_t kShortestPassword = 8;  // RFC 3414 §11.2

Error bad(const std::string& what) {
  return Error{ErrorKind::config, what};
}

bool is_own_metric(std::string_view name) {
  return name == "response_time" || name == "uptime" || name.starts_with("snmp_") ||
         name.starts_with("network_");
}

Result<std::optional<Oid>> read_column(const Options& row, const std::string& option) {
  if (row.text(option).empty()) return std::optional<Oid>();
  auto oid = parse_oid(row.text(option));
  if (!oid) return bad(option + ": " + oid.error().message);
  return std::optional(std::move(*oid));
}

Result<void> read_table_entry(const Options& row, Entry& one) {
  if (one.oid.back() == 0) return bad("oid: \"" + one.written + "\" is no column of a table");
  one.tag = row.text("tag");
  if (one.tag.empty() || one.tag.size() > kLongestName || one.tag == "address")
    return bad("tag: must be a name, and not address");
  for (const auto& [option, column] :
       {std::pair("label", &one.label), std::pair("times", &one.times), std::pair("over", &one.over),
        std::pair("prefix", &one.prefix), std::pair("precision", &one.precision)}) {
    auto read = read_column(row, option);
    if (!read) return read.error();
    *column = std::move(*read);
  }
  if (one.is_combined() && one.form.as != As::gauge)
    return bad("times, over, prefix and precision are for a gauge");
  return {};
}

Result<Entry> read_entry(const Options& row, bool is_table) {
  Entry one;
  one.name = row.text("name");
  if (one.name.empty() || one.name.size() > kLongestName) return bad("a name has 1 to 100 bytes");
  if (is_own_metric(one.name)) return bad("is the name of a metric that the driver itself has");
  one.written = row.text("oid");
  auto oid = parse_oid(one.written);
  if (!oid) return bad("oid: " + oid.error().message);
  one.oid = std::move(*oid);
  Form& form = one.form;
  form.as = static_cast<As>(std::find(kAs.begin(), kAs.end(), row.text("as")) - kAs.begin());
  if (form.as == As::text && is_mac_address(one.oid)) form.as = As::mac;
  form.scale = row.number("scale");
  form.offset = row.number("offset");
  if (form.scale == 0) return bad("a scale of 0 leaves nothing");
  if (is_text(form.as) && (form.scale != 1 || form.offset != 0)) return bad("a text has no scale and offset");
  const auto number = read_number_format(row);
  if (!number) return number.error();
  form.number = *number;
  auto codes = read_not_available(row, {.kind = RawForm::Kind::text});
  if (!codes) return codes.error();
  one.not_available = std::move(*codes);
  if (is_table) {
    if (auto read = read_table_entry(row, one); !read) return read.error();
  }
  return one;
}

Result<std::vector<Entry>> read_entries(const Options& options, const std::string& list, bool tables) {
  std::vector<Entry> entries;
  std::set<std::string> names;
  const auto& rows = options.rows(list);
  if (rows.size() > kMostEntries) return bad(list + ": more than 2000 entries");
  for (const Options& row : rows) {
    const std::string where = list + ": \"" + row.text("name").substr(0, kLongestName) + "\": ";
    auto one = read_entry(row, tables);
    if (!one) return bad(where + one.error().message);
    if (!names.insert(one->name).second) return bad(where + "is there twice");
    entries.push_back(std::move(*one));
  }
  return entries;
}

Result<Access> read_access(const Options& options) {
  Access access;
  const std::string& version = options.text("version");
  access.version = version == "3" ? 3 : version == "1" ? 1 : 2;
  const auto has = [&](const char* name) { return !options.text(name).empty(); };
  if (access.version != 3) {
    for (const char* name : {"user", "auth_password", "priv_password", "context"}) {
      if (has(name)) return bad(std::string(name) + ": needs version: \"3\"");
    }
    access.community = has("community") ? options.text("community") : "public";
    return access;
  }
  if (has("community")) return bad("community: is of versions 1 and 2c, not 3");
  access.user = options.text("user");
  if (access.user.empty() || access.user.size() > 32)
    return bad("user: version 3 needs one, of up to 32 bytes");
  access.context = options.text("context");
  if (access.context.size() > 32) return bad("context: longer than 32 bytes");
  access.auth = options.text("auth");
  access.privacy = options.text("privacy");
  access.auth_password = options.text("auth_password");
  access.priv_password = options.text("priv_password");
  if (access.privacy == "DES" && !has_des())
    return bad("privacy: the net-snmp of this agent has been built without DES; use AES");
  if (!access.priv_password.empty() && access.auth_password.empty())
    return bad("priv_password: needs an auth_password too");
  for (const auto& [name, password] : {std::pair("auth_password", &access.auth_password),
                                       std::pair("priv_password", &access.priv_password)}) {
    if (!password->empty() && password->size() < kShortestPassword)
      return bad(std::string(name) + ": has less than 8 characters");
    if (password->size() > 1024) return bad(std::string(name) + ": has more than 1024 characters");
  }
  return access;
}

}  // namespace

std::span<const OptionSpec> option_table() {
  return kOptions;
}

Result<Peer> parse_peer(std::string_view text) {
  std::string quoted(text.substr(0, 100));
  for (char& c : quoted) {
    if (c < ' ' || c > '~') c = '?';
  }
  const Error wrong = bad("address: \"" + quoted + "\" is not like 10.0.0.2, host:161 or [2001:db8::1]:161");
  if (text.size() > 255 || quoted.find('?') != std::string::npos) return wrong;
  Peer peer;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return wrong;
    peer.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port[0] != ':') return wrong;
    if (port == ":") return wrong;
    if (!port.empty()) port.remove_prefix(1);
  } else {
    const std::size_t colon = text.find(':');
    peer.host = text.substr(0, colon);
    if (colon != std::string_view::npos) {
      port = text.substr(colon + 1);
      if (port.empty()) return wrong;
    }
  }
  if (!port.empty()) {
    unsigned number = 0;
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || number < 1 || number > 65535)
      return wrong;
    peer.port = static_cast<std::uint16_t>(number);
  }
  if (peer.host.empty() || peer.host.find_first_of(" /@") != std::string::npos) return wrong;
  const bool v6 = peer.host.find(':') != std::string::npos;
  peer.shown = (v6 ? "[" + peer.host + "]" : peer.host) + ":" + std::to_string(peer.port);
  return peer;
}

Result<SnmpSettings> read_settings(const Options& options) {
  SnmpSettings settings;
  auto peer = parse_peer(options.text("address"));
  if (!peer) return peer.error();
  settings.peer = std::move(*peer);
  auto access = read_access(options);
  if (!access) return access.error();
  settings.access = std::move(*access);
  auto gets = read_entries(options, "get", false);
  if (!gets) return gets.error();
  settings.gets = std::move(*gets);
  auto tables = read_entries(options, "tables", true);
  if (!tables) return tables.error();
  settings.tables = std::move(*tables);
  settings.interfaces = options.flag("interfaces");
  settings.only_interfaces = options.list("only_interfaces");
  settings.except_interfaces = options.list("except_interfaces");
  if (!settings.interfaces && !(settings.only_interfaces.empty() && settings.except_interfaces.empty()))
    return bad("only_interfaces, except_interfaces: need interfaces: true");
  settings.timeout = options.duration("timeout");
  settings.retries = static_cast<int>(options.integer("retries"));
  settings.max_repetitions = static_cast<int>(options.integer("max_repetitions"));
  return settings;
}

}  // namespace vigile::snmp
