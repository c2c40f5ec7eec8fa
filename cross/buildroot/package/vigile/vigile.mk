################################################################################
#
# vigile
#
################################################################################

VIGILE_VERSION = 0.1.0
VIGILE_SITE = $(BR2_EXTERNAL_VIGILE_PATH)/../..
VIGILE_SITE_METHOD = local
VIGILE_LICENSE = Apache-2.0
VIGILE_LICENSE_FILES = LICENSE
VIGILE_DEPENDENCIES = host-pkgconf cli11 json-for-modern-cpp libcurl libmicrohttpd sqlite yaml-cpp zlib
VIGILE_CONF_OPTS = -DVIGILE_TESTS=OFF

ifeq ($(BR2_PACKAGE_VIGILE_MQTT),y)
VIGILE_DEPENDENCIES += openssl paho-mqtt-c paho-mqtt-cpp
VIGILE_CONF_OPTS += -DVIGILE_SINKS="influx;mqtt"
else
VIGILE_CONF_OPTS += -DVIGILE_SINKS=influx
endif

ifeq ($(BR2_PACKAGE_VIGILE_REMOTE_SETTINGS),y)
VIGILE_DEPENDENCIES += openssl
VIGILE_CONF_OPTS += -DVIGILE_REMOTE_SETTINGS=ON
else
VIGILE_CONF_OPTS += -DVIGILE_REMOTE_SETTINGS=OFF
endif

VIGILE_DRIVERS = $(call qstrip,$(BR2_PACKAGE_VIGILE_DRIVERS))
ifneq ($(VIGILE_DRIVERS),)
VIGILE_CONF_OPTS += -DVIGILE_DRIVERS="$(VIGILE_DRIVERS)"
endif

# Libraries of single drivers, when they are there.
VIGILE_DEPENDENCIES += \
	$(if $(BR2_PACKAGE_LIBMODBUS),libmodbus) \
	$(if $(BR2_PACKAGE_NETSNMP),netsnmp) \
	$(if $(BR2_PACKAGE_LIBGPIOD),libgpiod) \
	$(if $(BR2_PACKAGE_LIBNL),libnl) \
	$(if $(BR2_PACKAGE_SYSTEMD),systemd)

define VIGILE_USERS
	vigile -1 vigile -1 * /var/lib/vigile - - Vigile edge agent
endef

define VIGILE_PERMISSIONS
	/etc/vigile/vigile.yaml f 0640 root vigile - - - - -
	/var/lib/vigile d 0750 vigile vigile - - - - -
endef

define VIGILE_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(VIGILE_PKGDIR)/S99vigiled $(TARGET_DIR)/etc/init.d/S99vigiled
endef

$(eval $(cmake-package))
