#!/usr/bin/env bash
# What surprised: VictoriaMetrics stores 0 for a number of line protocol that has no digit before or behind its point:
# .5, -.5, 5. are 0, with 204 and none counted in vm_rows_invalid_total. (That quoted texts are 0 is known; numbers are not.)
# Packages: Debian's victoria-metrics 1.79.5+ds1-2+b5 and influxdb 1.6.7~rc0-1+b13
# Expected: InfluxDB stores 0.5, -0.5 and 5, and refuses 21.5C with 400. Seen: 0 for each of the four.
# Consequence: what awk, bc or a sensor prints as ".5" is 0 on the way to VictoriaMetrics, and a unit behind a number makes it
# 0 too, where InfluxDB says so: write a digit on both sides. Vigile writes every number anew, with both
# (agent/sinks/influx/README.md, VictoriaMetrics).
set -euo pipefail
dir=$(mktemp -d)
trap 'kill ${metrics:-} ${influxd:-} 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q -o APT::Sandbox::User=root download victoria-metrics=1.79.5+ds1-2+b5 influxdb=1.6.7~rc0-1+b13 >/dev/null
for package in *.deb; do dpkg -x "$package" root; done
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
victoria=127.0.0.1:$(port) influx=127.0.0.1:$(port)
cat >conf <<END
bind-address = "127.0.0.1:$(port)"
reporting-disabled = true
[meta]
  dir = "$dir/meta"
[data]
  dir = "$dir/data"
  wal-dir = "$dir/wal"
[http]
  bind-address = "$influx"
END
root/usr/bin/victoria-metrics -storageDataPath=victoria -httpListenAddr="$victoria" 2>log & metrics=$!
root/usr/bin/influxd -config conf 2>log.influx & influxd=$!
for _ in $(seq 100); do curl -s -o /dev/null "$victoria/health" && curl -s -o /dev/null "$influx/ping" && break; sleep 0.1; done
curl -s -o /dev/null "$influx/query" --data-urlencode 'q=CREATE DATABASE d'
: >answers
for line in 'flow1 v=.5' 'flow2 v=-.5' 'flow3 v=5.' 'flow4 v=21.5C' 'flow5 v=0.5'; do
  for server in influx victoria; do
    echo "$line: $server $(curl -s -o /dev/null -w '%{http_code}' --data-binary "$line" "${!server}/write?db=d")" | tee -a answers
  done
done
for _ in $(seq 50); do
  curl -s "$victoria/internal/force_flush"
  curl -s -g "$victoria/api/v1/export" --data-urlencode 'match[]={__name__=~"flow.*"}' |
    sed -E 's/.*"(flow.)_v".*"values":\[([^]]*)\].*/\1 \2/' | sort -u >seen
  grep -q flow5 seen && break
  sleep 0.1
done
stored=$(curl -s "$influx/query?db=d" --data-urlencode 'q=SELECT v FROM /flow/' | grep -oE 'flow[0-9]|Z",[^]]*' | sed 's/Z",//' | paste -sd' ')
curl -s "$victoria/metrics" | grep 'vm_rows_invalid_total{type="influx"}' | tee invalid
echo "influxdb: $stored"
echo "victoria-metrics: $(paste -sd' ' seen)"
[ "$stored" = 'flow1 0.5 flow2 -0.5 flow3 5 flow5 0.5' ] && [ "$(paste -sd' ' seen)" = 'flow1 0 flow2 0 flow3 0 flow4 0 flow5 0.5' ] &&
  grep -q ' 0$' invalid && [ "$(grep -c ': victoria 204$' answers)" = 5 ] && grep -qx 'flow4 v=21.5C: influx 400' answers
