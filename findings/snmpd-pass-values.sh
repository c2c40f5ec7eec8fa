#!/usr/bin/env bash
# What surprised: snmpd answers for a "pass" script with a number of its own where the script's value does not fit: no error,
# no word in the log. "N/A" of a sensor that failed is 0; a gauge past 2^32 loses its upper bits; below 0 it is 4 billion.
# Packages: Debian's snmpd, snmp and libsnmp40 5.9.3+dfsg-2+deb12u1. snmpd.conf(5) names the types, and no limits of them.
# Expected of integer "N/A", integer "1e3", gauge 5000000000, gauge -5: "no such instance", as for a type it does not know.
# Seen: INTEGER 0, INTEGER 1, Gauge32 705032704, Gauge32 4294967291; type "float": no such instance.
# Consequence: a failed sensor is 0 °C: let the script print nothing, check ranges, and send wide or broken numbers as
# string, which a poller can read or refuse. Vigile's snmp driver cannot tell: drivers/snmp/README.md says so.
set -euo pipefail
version=5.9.3+dfsg-2+deb12u1
dir=$(mktemp -d)
trap 'kill ${agent:-} 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q -o APT::Sandbox::User=root download "snmp=$version" "snmpd=$version" "libsnmp40=$version" >/dev/null
for package in *.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$(echo "$dir"/root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH SNMP_PERSISTENT_DIR="$dir/state" MIBS=
cat >sensor <<'END'
#!/bin/sh
# pass: -g OID; three lines answer: the OID, the type, the value
[ "$1" = -g ] || exit 0
case $2 in
  *.9.1.0) printf '%s\ninteger\nN/A\n' "$2" ;;
  *.9.2.0) printf '%s\ninteger\n1e3\n' "$2" ;;
  *.9.3.0) printf '%s\ngauge\n5000000000\n' "$2" ;;
  *.9.4.0) printf '%s\ngauge\n-5\n' "$2" ;;
  *.9.5.0) printf '%s\nfloat\n3.7\n' "$2" ;;
  *.9.6.0) printf '%s\ninteger\n-5\n' "$2" ;;
  *.9.7.0) exit 0 ;;
esac
END
chmod +x sensor
base=.1.3.6.1.4.1.55555.9
port=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '%s\n' 'rocommunity public 127.0.0.1' "pass $base $dir/sensor" >conf
root/usr/sbin/snmpd -f -Lf log -C -c conf -I usmConf,vacm_conf,vacm_context,pass -x "$dir/agentx" "udp:127.0.0.1:$port" 2>/dev/null & agent=$!
get() { root/usr/bin/snmpget -v2c -c public -t 1 -r 0 -On "127.0.0.1:$port" "$base.$1.0" 2>/dev/null | sed 's/.* = //'; }
for _ in $(seq 20); do [ -n "$(get 6)" ] && break; sleep 0.2; done
root/usr/bin/snmpget --version 2>&1
: >seen
for one in 1:'integer N/A' 2:'integer 1e3' 3:'gauge 5000000000' 4:'gauge -5' 5:'float 3.7' 6:'integer -5' 7:'nothing'; do
  echo "${one#*:}: $(get "${one%%:*}")" | tee -a seen
done
grep -qx 'integer N/A: INTEGER: 0' seen && grep -qx 'integer 1e3: INTEGER: 1' seen && grep -qx 'gauge 5000000000: Gauge32: 705032704' seen &&
  grep -qx 'gauge -5: Gauge32: 4294967291' seen && grep -q '^float 3.7: No Such Instance' seen && grep -q '^nothing: No Such Instance' seen
