// SPDX-License-Identifier: Apache-2.0
#include "settings/keys.h"

namespace vigile {

namespace {

constexpr double kMinute = 60;
constexpr double kHour = 60 * kMinute;
constexpr double kDay = 24 * kHour;
constexpr double kKiB = 1024;
constexpr double kMiB = 1024 * kKiB;
constexpr double kTiB = 1024 * 1024 * kMiB;

constexpr SectionKey kTopSections[] = {
    {"site", "The site where the agent stands"},
    {"clock", "When the wall clock is believed"},
    {"equipment", "The things that are watched"},
    {"store", "The log on this device, from which everything is delivered"},
    {"sinks", "The destinations; each gets everything, at its own pace"},
    {"api", "The status socket"},
    {"remote_settings", "Settings that arrive by an MQTT broker, signed; without this section none do"},
    {"include",
     "Settings files that this one builds on: a path or several, also with * ? [; what stands here wins"},
    {"devices", "What is different on single devices, by their name: laid over everything else there"},
};

constexpr std::string_view kLayouts[] = {"equipment", "native"};
constexpr std::string_view kUnsigned[] = {"false", "true", "float"};
constexpr OptionSpec kTopKeys[] = {
    {.name = "device",
     .type = OptionType::text,
     .help = "Name of this device, unique in the site; default: the host's name",
     .fallback = ""},
    {.name = "layout",
     .type = OptionType::choice,
     .help =
         "How points are written: one line a metric (equipment), or the drivers' own measurements (native)",
     .fallback = "equipment",
     .choices = kLayouts},
    {.name = "unsigned",
     .type = OptionType::choice,
     .help = "Unsigned integers: false writes them as signed ones and leaves out those past "
             "9223372036854775807, true writes all with the suffix u, which not every database takes, float "
             "writes all as floats",
     .fallback = "false",
     .choices = kUnsigned},
};

constexpr OptionSpec kSiteKeys[] = {
    {.name = "id",
     .type = OptionType::text,
     .help = "Identifier of the site, a number or a text",
     .fallback = "0"},
    {.name = "name", .type = OptionType::text, .help = "Name of the site", .fallback = ""},
};

constexpr OptionSpec kClockKeys[] = {
    {.name = "require_sync",
     .type = OptionType::boolean,
     .help = "Believe the wall clock only while the kernel says that it is synchronised (NTP)",
     .fallback = "false"},
};

constexpr std::string_view kOverflows[] = {"drop_oldest", "drop_newest", "thin"};
constexpr OptionSpec kStoreKeys[] = {
    {.name = "path",
     .type = OptionType::text,
     .help = "File of the log, an SQLite database; its directory is made when missing",
     .fallback = "/var/lib/vigile/vigile.db"},
    {.name = "max_size",
     .type = OptionType::size,
     .help = "The log never grows past this; delivered history is deleted first, then `overflow` decides",
     .fallback = "256MiB",
     .min = kMiB,
     .max = 16 * kTiB},
    {.name = "keep",
     .type = OptionType::duration,
     .help = "How long delivered readings are kept for questions on the device",
     .fallback = "7d",
     .min = 0},
    {.name = "keep_summaries",
     .type = OptionType::duration,
     .help = "How long the hourly summaries are kept",
     .fallback = "400d",
     .min = 0},
    {.name = "commit_every",
     .type = OptionType::duration,
     .help = "Readings are committed together this often: at most this much is lost when the power goes",
     .fallback = "1s",
     .min = 0.01,
     .max = kHour},
    {.name = "write_budget",
     .type = OptionType::text,
     .help = "What may be written to storage in a day, like 50MiB/day: commits come less often to hold it"},
    {.name = "commit_every_max",
     .type = OptionType::duration,
     .help = "How far apart commits may come to hold write_budget: at most this much is lost then",
     .fallback = "5m",
     .min = 0.01,
     .max = kHour},
    {.name = "memory",
     .type = OptionType::size,
     .help = "Memory for readings that cannot be committed because the disk is full or failing",
     .fallback = "2MiB",
     .min = 64 * kKiB,
     .max = 1024 * kMiB},
    {.name = "overflow",
     .type = OptionType::choice,
     .help = "What is given up when max_size is reached with undelivered readings",
     .fallback = "drop_oldest",
     .choices = kOverflows},
};

constexpr OptionSpec kApiKeys[] = {
    {.name = "socket",
     .type = OptionType::text,
     .help = "Path of the Unix socket that vigilectl speaks to",
     .fallback = "/run/vigile/vigiled.sock"},
    {.name = "listen",
     .type = OptionType::text,
     .help = "Also listen on TCP, on a loopback address only, like 127.0.0.1:8786; needs `token`",
     .fallback = ""},
    {.name = "token",
     .type = OptionType::text,
     .help = "Bearer token that requests over TCP must carry",
     .fallback = "",
     .secret = true},
    {.name = "question_memory",
     .type = OptionType::size,
     .help = "What the answer to one question may hold in memory; a larger question is refused",
     .fallback = "8MiB",
     .min = kMiB,
     .max = 1024 * kMiB},
};

constexpr std::string_view kMqttVersions[] = {"5", "3.1.1"};
constexpr OptionSpec kRemoteKeys[] = {
    {.name = "url",
     .type = OptionType::text,
     .help = "The broker: mqtts://host:8883 with TLS, or mqtt://host:1883",
     .fallback = "",
     .required = true},
    {.name = "topic",
     .type = OptionType::text,
     .help = "Where the settings are published, retained; {site} and {device} are replaced",
     .fallback = "vigile/{site}/{device}/settings"},
    {.name = "public_key",
     .type = OptionType::text,
     .help = "PEM file of the Ed25519 keys whose signatures count; one is enough",
     .fallback = "/etc/vigile/settings.pub"},
    {.name = "trial",
     .type = OptionType::duration,
     .help = "After this time with new settings the agent must be healthy, or those before come back",
     .fallback = "2m",
     .min = 1,
     .max = kDay},
    {.name = "folder",
     .type = OptionType::text,
     .help = "What arrived is kept here",
     .fallback = "/var/lib/vigile/settings"},
    {.name = "client_id",
     .type = OptionType::text,
     .help = "Name of the session at the broker; no two clients may have the same",
     .fallback = "vigile-{site}-{device}-settings"},
    {.name = "user", .type = OptionType::text, .help = "Who logs in", .fallback = ""},
    {.name = "password",
     .type = OptionType::text,
     .help = "The user's password",
     .fallback = "",
     .secret = true},
    {.name = "version",
     .type = OptionType::choice,
     .help = "Of the protocol: 5 or 3.1.1",
     .fallback = "5",
     .choices = kMqttVersions},
    {.name = "ca_file",
     .type = OptionType::text,
     .help = "PEM file of who signed the broker's certificate; the system's if absent",
     .fallback = ""},
    {.name = "cert_file",
     .type = OptionType::text,
     .help = "PEM file of our certificate, for brokers that ask for one",
     .fallback = ""},
    {.name = "key_file", .type = OptionType::text, .help = "PEM file of its key", .fallback = ""},
    {.name = "insecure",
     .type = OptionType::boolean,
     .help = "Do not check the broker's certificate",
     .fallback = "false"},
    {.name = "keep_alive",
     .type = OptionType::duration,
     .help = "The connection is tried this often while nothing arrives",
     .fallback = "60s",
     .min = 2,
     .max = 65535},
    {.name = "timeout",
     .type = OptionType::duration,
     .help = "No answer after this long, to connecting or to a packet",
     .fallback = "10s",
     .min = 0.1,
     .max = kMinute},
};

constexpr SectionKey kEquipmentSections[] = {
    {"drivers", "What is sampled: one entry a driver instance"},
    {"warning", "Limits on metrics past which the equipment is in state warning"},
};

constexpr std::string_view kEquipmentTypes[] = {"camera",       "video-recorder", "switch", "server",
                                                "access_point", "router",         "pc",     "other"};
constexpr OptionSpec kEquipmentKeys[] = {
    {.name = "id",
     .type = OptionType::text,
     .help = "Identifier of the equipment, unique in the site, a number or a text",
     .fallback = "",
     .required = true},
    {.name = "name",
     .type = OptionType::text,
     .help = "Name of the equipment; default: its id",
     .fallback = ""},
    {.name = "type",
     .type = OptionType::choice,
     .help = "Kind of equipment",
     .fallback = "other",
     .choices = kEquipmentTypes},
    {.name = "ip_address",
     .type = OptionType::text,
     .help = "Its IPv4 or IPv6 address, a tag on its points",
     .fallback = ""},
    {.name = "tags", .type = OptionType::map, .help = "Tags of your own on all its points", .fallback = ""},
    {.name = "offline_after",
     .type = OptionType::integer,
     .help = "Offline when a driver that decides availability has failed this many times in a row",
     .fallback = "2",
     .min = 1,
     .max = 1000},
    {.name = "online_after",
     .type = OptionType::integer,
     .help = "A driver that failed counts as working again when it has succeeded this many times in a row",
     .fallback = "1",
     .min = 1,
     .max = 1000},
};

constexpr OptionSpec kLimitKeys[] = {
    {.name = "above",
     .type = OptionType::number,
     .help = "Warn when the metric is greater than this",
     .fallback = ""},
    {.name = "below",
     .type = OptionType::number,
     .help = "Warn when the metric is less than this",
     .fallback = ""},
    {.name = "clear",
     .type = OptionType::number,
     .help = "Normal again only at this or past it; default: the limit itself",
     .fallback = ""},
    {.name = "for",
     .type = OptionType::duration,
     .help = "Only when it lasts this long",
     .fallback = "0",
     .min = 0,
     .max = 30 * kDay},
    {.name = "recorded",
     .type = OptionType::boolean,
     .help = "Programs record the metric over the API: no driver is expected to make it",
     .fallback = "false"},
};

constexpr std::string_view kDecides[] = {"availability"};
constexpr OptionSpec kDriverKeys[] = {
    {.name = "when",
     .type = OptionType::text,
     .help =
         "The entry is skipped when this is empty or false, as \"${VARIABLE:-}\" may be; the values of its "
         "other keys are then not looked at",
     .fallback = ""},
    {.name = "name",
     .type = OptionType::text,
     .help = "Name of this instance, unique in the file; default: <equipment id>/<driver>, then …/<driver>-2",
     .fallback = ""},
    {.name = "every",
     .type = OptionType::duration,
     .help = "Interval between samples",
     .fallback = "10s",
     .min = 0.001,
     .max = 7 * kDay},
    {.name = "deadline",
     .type = OptionType::duration,
     .help = "A sample is given up after this; default: the interval, but at most 10s",
     .fallback = "",
     .min = 0.001,
     .max = kHour},
    {.name = "tags",
     .type = OptionType::map,
     .help = "Tags of your own on the points of this instance",
     .fallback = ""},
    {.name = "decides",
     .type = OptionType::choice,
     .help = "This instance decides whether the equipment is online; several decide together",
     .fallback = "",
     .choices = kDecides},
    {.name = "only",
     .type = OptionType::list,
     .help = "Only metrics whose names match one of these shell patterns, like [\"cpu_*\"]",
     .fallback = ""},
    {.name = "except",
     .type = OptionType::list,
     .help = "No metrics whose names match one of these shell patterns",
     .fallback = ""},
    {.name = "rename",
     .type = OptionType::map,
     .help = "Other names for metrics: {cpu_usage: load_percent}",
     .fallback = ""},
};

// Of `report: {on_change: {…}}`.
constexpr OptionSpec kOnChangeKeys[] = {
    {.name = "deadband",
     .type = OptionType::number,
     .help = "A number has changed when it is more than this away from the last one written, in its own unit",
     .fallback = "0",
     .min = 0},
    {.name = "deadbands",
     .type = OptionType::map,
     .help = "The deadband of single metrics, by name: {temperature: 0.5}",
     .fallback = ""},
    {.name = "at_most_every",
     .type = OptionType::duration,
     .help = "Changes are written no more often than this",
     .fallback = "0",
     .min = 0,
     .max = 7 * kDay},
    {.name = "at_least_every",
     .type = OptionType::duration,
     .help = "Written after this time even without a change; 0: never",
     .fallback = "0",
     .min = 0,
     .max = 30 * kDay},
};

constexpr SectionKey kDriverSections[] = {
    {"report", "When readings are written down: always (the default), on_change, or {on_change: {…}}"},
};

constexpr std::string_view kOrders[] = {"oldest_first", "live_first"};
constexpr OptionSpec kSinkKeys[] = {
    {.name = "when",
     .type = OptionType::text,
     .help =
         "The entry is skipped when this is empty or false, as \"${VARIABLE:-}\" may be; the values of its "
         "other keys are then not looked at",
     .fallback = ""},
    {.name = "name",
     .type = OptionType::text,
     .help = "Name of this sink, unique in the file; its progress is kept under it; default: its kind",
     .fallback = ""},
    {.name = "every",
     .type = OptionType::duration,
     .help = "Interval between deliveries",
     .fallback = "10s",
     .min = 0.01,
     .max = kDay},
    {.name = "order",
     .type = OptionType::choice,
     .help = "What goes first after an outage: the oldest readings, or the fresh ones with the backlog "
             "behind them",
     .fallback = "oldest_first",
     .choices = kOrders},
    {.name = "batch_bytes",
     .type = OptionType::size,
     .help = "Largest batch, in bytes of lines before compression",
     .fallback = "1MiB",
     .min = kKiB,
     .max = 32 * kMiB},
    {.name = "backlog_rate",
     .type = OptionType::size,
     .help = "With live_first: bytes of backlog a second; 0: as fast as it goes",
     .fallback = "0",
     .min = 0},
};

}  // namespace

std::span<const SectionKey> top_sections() {
  return kTopSections;
}
std::span<const OptionSpec> top_keys() {
  return kTopKeys;
}
std::span<const OptionSpec> site_keys() {
  return kSiteKeys;
}
std::span<const OptionSpec> clock_keys() {
  return kClockKeys;
}
std::span<const OptionSpec> store_keys() {
  return kStoreKeys;
}
std::span<const OptionSpec> api_keys() {
  return kApiKeys;
}
std::span<const OptionSpec> remote_keys() {
  return kRemoteKeys;
}
std::span<const SectionKey> equipment_sections() {
  return kEquipmentSections;
}
std::span<const OptionSpec> equipment_keys() {
  return kEquipmentKeys;
}
std::span<const OptionSpec> limit_keys() {
  return kLimitKeys;
}
std::span<const OptionSpec> driver_keys() {
  return kDriverKeys;
}
std::span<const SectionKey> driver_sections() {
  return kDriverSections;
}
std::span<const OptionSpec> on_change_keys() {
  return kOnChangeKeys;
}
std::span<const OptionSpec> sink_keys() {
  return kSinkKeys;
}

}  // namespace vigile
