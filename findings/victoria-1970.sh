#!/usr/bin/env bash
# What surprised: VictoriaMetrics guesses the unit of a line's time from its size: nanoseconds of a clock that was never set
# (1970, a device without a battery for it) are taken for seconds or milliseconds of today, and stored there.
# Package: Debian's victoria-metrics 1.79.5+ds1-2+b5, /write and /api/v2/write without "precision".
# Expected (InfluxDB's rule: without "precision" the unit is ns; InfluxDB 1.6.7 does so): 1970-01-01, or a refusal.
# Seen: 1.7 s after 1970 (1700000000) is stored as 2023-11-14; 28 minutes (1700000000123) too. With precision=ns: neither.
# Consequence: readings of another year under a device's name, one boot over the other: always name the precision. Vigile
# does (agent/sinks/influx/README.md: always nanoseconds).
set -euo pipefail
dir=$(mktemp -d)
trap 'kill ${server:-} 2>/dev/null || true; wait ${server:-} 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q -o APT::Sandbox::User=root download victoria-metrics=1.79.5+ds1-2+b5 >/dev/null
dpkg -x victoria-metrics_*.deb root
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
root/usr/bin/victoria-metrics -storageDataPath=data -retentionPeriod=20y -httpListenAddr="127.0.0.1:$port" 2>log & server=$!
for _ in $(seq 100); do curl -s -o /dev/null "127.0.0.1:$port/health" && break; sleep 0.1; done
put() { echo "POST $1 '$2': $(curl -s -o /dev/null -w '%{http_code}' --data-binary "$2" "127.0.0.1:$port$1")"; }
put /write 'second v=1 1700000000'
put /api/v2/write 'minute v=1 1700000000123'
put '/write?precision=ns' 'named v=1 1700000000'
put '/api/v2/write?precision=ns' 'named2 v=1 1700000000123'
put /write "last v=1 $(date +%s)000000000"
for _ in $(seq 50); do
  curl -s "127.0.0.1:$port/internal/force_flush"
  curl -s -g "127.0.0.1:$port/api/v1/export" --data-urlencode 'match[]={__name__=~"second_v|minute_v|named.*|last_v"}' |
    sed -E 's/.*"([a-z0-9]+_v)".*"timestamps":\[([^]]*)\].*/\1 \2/' | sort -u >seen
  grep -q last_v seen && break
  sleep 0.1
done
while read -r name milliseconds; do echo "$name stored at $(date -u -d "@${milliseconds%???}" +%F)"; done <seen
grep -qx 'second_v 1700000000000' seen && grep -qx 'minute_v 1700000000123' seen && ! grep -q named seen
