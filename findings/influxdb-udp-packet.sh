#!/usr/bin/env bash
# What surprised: one line that InfluxDB cannot read costs all lines of its UDP packet; over HTTP the same lines, written
# the same way, are stored but for the bad one ("partial write").
# Package: Debian's influxdb 1.6.7~rc0-1+b13, [[udp]]. Its documentation of UDP does not say so.
# Expected of ok1, a bad line and ok2 in one packet: ok1 and ok2. Seen: neither; a packet of good lines is stored.
# Consequence: one sensor that once reports "nan" or a text without quotes takes the readings of all others of that packet
# with it, and UDP has no answer: one line a packet, or HTTP. Vigile's influx sink writes over HTTP alone.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill ${server:-} 2>/dev/null || true; wait ${server:-} 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q -o APT::Sandbox::User=root download influxdb=1.6.7~rc0-1+b13 >/dev/null
dpkg -x influxdb_*.deb root
port() { python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.'"$1"'); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
http=$(port SOCK_STREAM) udp=$(port SOCK_DGRAM)
cat >conf <<END
bind-address = "127.0.0.1:$(port SOCK_STREAM)"
reporting-disabled = true
[meta]
  dir = "$dir/meta"
[data]
  dir = "$dir/data"
  wal-dir = "$dir/wal"
[http]
  bind-address = "127.0.0.1:$http"
[[udp]]
  enabled = true
  bind-address = "127.0.0.1:$udp"
  database = "udp"
  batch-timeout = "100ms"
END
root/usr/bin/influxd -config conf 2>log & server=$!
for _ in $(seq 100); do curl -s "127.0.0.1:$http/ping" && break; sleep 0.1; done
root/usr/bin/influxd version
curl -s -o /dev/null "127.0.0.1:$http/query" --data-urlencode 'q=CREATE DATABASE http'
lines=$'ok1 v=21.5\nsensor v=broken\nok2 v=21.5'
echo "HTTP says: $(curl -s --data-binary "$lines" "127.0.0.1:$http/write?db=http")"
python3 - "$udp" "$lines" <<'END'
import socket, sys
packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for packet in ('before1 v=1\nbefore2 v=2', sys.argv[2], 'last v=1'):
    packets.sendto(packet.encode(), ('127.0.0.1', int(sys.argv[1])))
END
stored() { curl -s "127.0.0.1:$http/query?db=$1" --data-urlencode 'q=SHOW MEASUREMENTS' | grep -oE 'before[12]|ok[12]|last|sensor' | tr '\n' ' ' || true; }
for _ in $(seq 50); do [[ $(stored udp) == *last* ]] && break; sleep 0.1; done
echo "stored over HTTP: $(stored http)"
echo "stored over UDP: $(stored udp)"
[ "$(stored http)" = 'ok1 ok2 ' ] && [ "$(stored udp)" = 'before1 before2 last ' ]
