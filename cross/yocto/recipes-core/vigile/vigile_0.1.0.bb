SUMMARY = "Edge agent: samples equipment, keeps every reading, delivers it"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

# Builds the tree that this layer is part of; for a release: SRC_URI = "git://…;protocol=https;branch=main" and SRCREV.
inherit externalsrc cmake pkgconfig systemd useradd bash-completion
EXTERNALSRC ?= "${@os.path.realpath(os.path.join(d.getVar('FILE_DIRNAME'), '../../../..'))}"

DEPENDS = "sqlite3 curl yaml-cpp libmicrohttpd nlohmann-json cli11 zlib gzip-native"

# Sinks and the drivers that need a library of their own.
PACKAGECONFIG ??= "mqtt remote-settings certificate"
PACKAGECONFIG[mqtt] = ",,paho-mqtt-cpp paho-mqtt-c openssl"
PACKAGECONFIG[remote-settings] = "-DVIGILE_REMOTE_SETTINGS=ON,-DVIGILE_REMOTE_SETTINGS=OFF,openssl"
PACKAGECONFIG[certificate] = ",,openssl"
PACKAGECONFIG[modbus] = ",,libmodbus"
PACKAGECONFIG[snmp] = ",,net-snmp"
PACKAGECONFIG[gpio] = ",,libgpiod"
PACKAGECONFIG[dbus] = ",,systemd"
PACKAGECONFIG[wireless] = ",,libnl"

EXTRA_OECMAKE = " \
    -DCMAKE_BUILD_TYPE=Release -DVIGILE_TESTS=OFF \
    -DVIGILE_SINKS=${@bb.utils.contains('PACKAGECONFIG', 'mqtt', 'influx;mqtt', 'influx', d)} \
"

SYSTEMD_SERVICE:${PN} = "vigiled.service"
USERADD_PACKAGES = "${PN}"
USERADD_PARAM:${PN} = "--system --home-dir /var/lib/vigile --no-create-home --shell /sbin/nologin --user-group vigile"
CONFFILES:${PN} = "${sysconfdir}/vigile/vigile.yaml"
FILES:${PN} += "${systemd_system_unitdir} ${nonarch_libdir}/sysusers.d ${nonarch_libdir}/tmpfiles.d ${datadir}/vigile ${datadir}/zsh"

do_install:append() {
    chgrp vigile ${D}${sysconfdir}/vigile/vigile.yaml
}
