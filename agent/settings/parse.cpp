// SPDX-License-Identifier: Apache-2.0
#include <sys/un.h>

#include <charconv>
#include <utility>

#include "core/units.h"
#include "settings/entries.h"
#include "settings/include.h"
#include "settings/keys.h"
#include "settings/layer.h"

namespace vigile {

namespace {

// site.id and device become levels of MQTT topics.
void check_topic_level(std::string_view key, std::string_view text, Spot spot, ReadContext& context) {
  if (!check_name(key, text, spot, context)) return;
  if (text.empty()) context.diagnostics.error(spot, std::string(key) + ": must not be empty");
  if (text.find_first_of("/+#") != std::string_view::npos) {
    context.diagnostics.error(
        spot, std::string(key) + ": must not hold \"/\", \"+\" or \"#\": it is part of MQTT topics");
  }
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  if (!host.starts_with("127.")) return false;
  int parts = 0;
  while (!host.empty()) {
    unsigned number = 0;
    const auto parsed = std::from_chars(host.data(), host.data() + host.size(), number);
    if (parsed.ec != std::errc() || number > 255) return false;
    host.remove_prefix(static_cast<std::size_t>(parsed.ptr - host.data()));
    if (++parts == 4) return host.empty();
    if (!host.starts_with('.')) return false;
    host.remove_prefix(1);
  }
  return false;
}

std::vector<std::string_view> valid_top_keys() {
  std::vector<std::string_view> valid = names_of(top_keys());
  for (const SectionKey& key : top_sections()) valid.push_back(key.name);
  return valid;
}

class SettingsReader {
 public:
  SettingsReader(const SettingsCatalog& catalog, ReadContext& context)
      : catalog_(catalog), context_(context) {}

  Settings read(const YamlNode& root, std::string_view host) {
    const Section top(root, Spot{1, 1}, "settings", context_);
    top.check_keys(valid_top_keys(), context_);

    Settings settings;
    const Options options = read_options(top_keys(), top, context_);
    settings.device = options.text("device").empty() ? std::string(host) : options.text("device");
    check_topic_level("device", settings.device, spot_of(top, "device"), context_);
    settings.layout = options.text("layout") == "native" ? Layout::native : Layout::equipment;
    if (options.text("unsigned") == "true") settings.unsigned_numbers = UnsignedNumbers::suffixed;
    if (options.text("unsigned") == "float") settings.unsigned_numbers = UnsignedNumbers::as_float;

    const Section site = open(top, "site");
    const Options site_options = read_keys(site, site_keys());
    settings.site_id = site_options.text("id");
    if (site_options.has("id")) check_topic_level("id", settings.site_id, spot_of(site, "id"), context_);
    settings.site_name = site_options.text("name");
    check_name("name", settings.site_name, spot_of(site, "name"), context_);

    settings.require_clock_sync = read_keys(open(top, "clock"), clock_keys()).flag("require_sync");
    settings.store = read_store(open(top, "store"));
    settings.api = read_api(open(top, "api"));
    if (const YamlEntry* const list = top.find("equipment")) {
      settings.equipment = read_equipment(*list, catalog_, context_);
    }
    if (settings.equipment.empty()) {
      context_.diagnostics.warning(spot_of(top, "equipment"), "there is no equipment: nothing is sampled");
    }
    if (const YamlEntry* const list = top.find("sinks"))
      settings.sinks = read_sinks(*list, catalog_, context_);
    if (const YamlEntry* const remote = top.find("remote_settings"))
      settings.remote = read_remote(*remote, settings);
    return settings;
  }

 private:
  Section open(const Section& top, std::string_view key) {
    static const YamlNode kAbsent;
    const YamlEntry* const entry = top.find(key);
    return entry != nullptr ? Section(entry->value, entry->key.spot, key, context_)
                            : Section(kAbsent, top.spot(), key, context_);
  }

  Options read_keys(const Section& section, std::span<const OptionSpec> table) {
    section.check_keys(names_of(table), context_);
    return read_options(table, section, context_);
  }

  StoreSettings read_store(const Section& section) {
    const Options options = read_keys(section, store_keys());
    StoreSettings store;
    store.path = options.text("path");
    if (options.has("path") && store.path.filename().empty()) {
      context_.diagnostics.error(spot_of(section, "path"), "path: must name a file");
    }
    store.max_size_bytes = options.size_bytes("max_size");
    store.keep = options.duration("keep");
    store.keep_summaries = options.duration("keep_summaries");
    store.commit_every = options.duration("commit_every");
    store.memory_bytes = options.size_bytes("memory");
    if (options.text("overflow") == "drop_newest") store.overflow = StoreOverflow::drop_newest;
    if (options.text("overflow") == "thin") store.overflow = StoreOverflow::thin;
    store.commit_every_max = options.duration("commit_every_max");
    if (options.has("write_budget")) {
      const auto bytes = parse_daily_size(options.text("write_budget"));
      if (bytes) {
        store.write_budget_bytes = *bytes;
      } else {
        context_.diagnostics.error(spot_of(section, "write_budget"),
                                   "write_budget: " + bytes.error().message);
      }
    }
    return store;
  }

  RemoteSettings read_remote(const YamlEntry& entry, const Settings& settings) {
    const Section section(entry.value, entry.key.spot, entry.key.text, context_);
    const Options options = read_keys(section, remote_keys());
    const auto text = [&](std::string_view key) {
      return options.has(key) ? options.text(key) : std::string();
    };
    RemoteSettings remote;
    remote.place = context_.diagnostics.place(entry.key.spot);
    remote.url = text("url");
    remote.client_id = named_after(text("client_id"), settings);
    remote.user = text("user");
    remote.password = text("password");
    remote.is_version_5 = text("version") == "5";
    remote.topic = named_after(text("topic"), settings);
    remote.ca_file = text("ca_file");
    remote.cert_file = text("cert_file");
    remote.key_file = text("key_file");
    remote.insecure = options.flag("insecure");
    remote.keep_alive = options.duration("keep_alive");
    remote.timeout = options.duration("timeout");
    remote.public_key = text("public_key");
    remote.folder = text("folder");
    remote.trial = options.duration("trial");
    const auto refuse = [&](std::string_view key, std::string_view why) {
      context_.diagnostics.error(spot_of(section, key), std::string(key) + ": " + std::string(why));
    };
    constexpr std::size_t kLongestTopic = 65'535;
    if (remote.topic.size() > kLongestTopic || remote.topic.find_first_of("+#") != std::string::npos ||
        remote.topic.find('\0') != std::string::npos)
      refuse("topic", "must be one topic of at most 65535 bytes, without + and #");
    if (remote.client_id.size() > 200) refuse("client_id", "has 1 to 200 bytes");
    if (!remote.password.empty() && remote.user.empty()) refuse("password", "needs a user");
    if (remote.cert_file.empty() != remote.key_file.empty())
      refuse(remote.key_file.empty() ? "cert_file" : "key_file", "cert_file and key_file go together");
    if (!remote.folder.is_absolute()) refuse("folder", "must be a path from the root, like the default");
    return remote;
  }

  static std::string named_after(std::string text, const Settings& settings) {
    const std::pair<std::string_view, std::string_view> names[] = {{"{site}", settings.site_id},
                                                                   {"{device}", settings.device}};
    for (const auto& [name, value] : names) {
      for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size())
        text.replace(at, name.size(), value);
    }
    return text;
  }

  ApiSettings read_api(const Section& section) {
    const Options options = read_keys(section, api_keys());
    ApiSettings api;
    api.socket = options.text("socket");
    api.listen = options.text("listen");
    api.token = options.text("token");
    api.question_memory = options.size_bytes("question_memory");
    constexpr std::size_t kLongestSocket = sizeof(sockaddr_un::sun_path) - 1;
    const std::size_t length = api.socket.native().size();
    if (options.has("socket") && (length == 0 || length > kLongestSocket)) {
      context_.diagnostics.error(spot_of(section, "socket"), "socket: must be a path of 1 to " +
                                                                 std::to_string(kLongestSocket) + " bytes");
    }
    if (!api.listen.empty()) {
      check_listen(api.listen, spot_of(section, "listen"));
      if (!options.has("token") && !context_.diagnostics.has_error_at(spot_of(section, "token"))) {
        context_.diagnostics.error(spot_of(section, "listen"),
                                   "listen: needs a \"token\", or every user of this machine could ask");
      }
    }
    return api;
  }

  void check_listen(std::string_view listen, Spot spot) {
    const std::size_t colon = listen.rfind(':');
    unsigned port = 0;
    bool is_port = false;
    if (colon != std::string_view::npos) {
      const std::string_view digits = listen.substr(colon + 1);
      const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
      is_port =
          parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size() && port > 0 && port < 65536;
    }
    if (!is_port) {
      context_.diagnostics.error(spot, "listen: expected host:port, like 127.0.0.1:8786");
    } else if (!is_loopback(listen.substr(0, colon))) {
      context_.diagnostics.error(
          spot, "listen: only loopback addresses are allowed: 127.0.0.1, [::1] or localhost");
    }
  }

  const SettingsCatalog& catalog_;
  ReadContext& context_;
};

LoadedSettings read_tree(std::optional<YamlNode> read, Diagnostics& diagnostics,
                         const SettingsCatalog& catalog, const EnvironmentLookup& environment,
                         std::string_view host, const LayerSource& layer_source) {
  LoadedSettings loaded;
  if (read) {
    const auto valid_keys = valid_top_keys();
    YamlNode tree = with_device(*std::move(read), host, environment, valid_keys, diagnostics);
    ReadContext context{diagnostics, &environment};
    loaded.settings = SettingsReader(catalog, context).read(tree, host);
    if (loaded.settings->remote && layer_source && !diagnostics.has_errors()) {
      const auto layer = layer_source(*loaded.settings);
      if (!layer) {
        diagnostics.error({}, "remote_settings: " + layer.error().message);
      } else if (*layer) {
        (void)diagnostics.take_warnings();  // all is read again
        context.plain_secrets.clear();
        tree = with_layer(std::move(tree), **layer, *loaded.settings, environment, valid_keys, diagnostics);
        loaded.settings = SettingsReader(catalog, context).read(tree, host);
      }
    }
    for (const Spot spot : context.plain_secrets) {
      if (!diagnostics.readable_by_others(spot)) continue;
      diagnostics.warning(spot,
                          "a secret in a file that every user of this machine can read; chmod o-r it, or "
                          "write {file: path}");
    }
  }
  if (diagnostics.has_errors()) loaded.settings.reset();
  loaded.errors = diagnostics.take_errors();
  loaded.warnings = diagnostics.take_warnings();
  loaded.files = diagnostics.files();
  return loaded;
}

}  // namespace

LoadedSettings parse_settings(std::string_view yaml, const std::string& file_name,
                              const SettingsCatalog& catalog, const EnvironmentLookup& environment,
                              std::string_view host, const LayerSource& layer) {
  Diagnostics diagnostics(file_name);
  return read_tree(read_alone(yaml, diagnostics), diagnostics, catalog, environment, host, layer);
}

std::vector<DeviceSettings> load_each_device(const std::filesystem::path& file,
                                             const SettingsCatalog& catalog,
                                             const EnvironmentLookup& environment) {
  std::vector<std::string> names;
  Diagnostics ignored(file.string());
  if (const auto tree = read_with_includes(file, environment, ignored)) names = devices_named(*tree);
  std::vector<DeviceSettings> all;
  for (const std::string& name : names) {
    Diagnostics diagnostics(file.string());
    auto tree = read_with_includes(file, environment, diagnostics);
    if (tree) std::erase_if(tree->entries, [](const YamlEntry& entry) { return entry.key.text == "device"; });
    all.push_back({name, read_tree(std::move(tree), diagnostics, catalog, environment, name, {})});
  }
  return all;
}

LoadedSettings load_settings(const std::filesystem::path& file, const SettingsCatalog& catalog,
                             const EnvironmentLookup& environment, std::string_view host,
                             const LayerSource& layer) {
  Diagnostics diagnostics(file.string());
  return read_tree(read_with_includes(file, environment, diagnostics), diagnostics, catalog, environment,
                   host, layer);
}

}  // namespace vigile
