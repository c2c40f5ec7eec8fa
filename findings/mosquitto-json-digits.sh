#!/usr/bin/env bash
# What surprised: mosquitto_sub -F %J, "with JSON payload", does not hand on the payload: it reads the numbers as doubles and
# writes them anew. Integers past 2^53 get other digits, and the text of an integer becomes one of a float.
# Packages: Debian's mosquitto-clients 2.0.11-1.2+deb12u2, libmosquitto1 (same), libcjson1 1.7.15-1+deb12u4; broker npm aedes 1.2.0
# Expected of {"time":1700000000123456789,"meter":9007199254740993}: the same digits, as -F %p prints.
# Seen: {"time":1.7000000001234568e+18,"meter":9.00719925474099e+15}: 11 ns late, the meter's last digits 0 in place of 3.
# Consequence: a reader that wants an integer refuses both; who converts them stores another time and another count. Use
# -F %p and read the JSON afterwards, or line protocol's integers (drivers/mqtt/README.md, notes).
set -euo pipefail
dir=$(mktemp -d)
trap 'kill ${broker:-} 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q -o APT::Sandbox::User=root download mosquitto-clients=2.0.11-1.2+deb12u2 libmosquitto1=2.0.11-1.2+deb12u2 \
  libcjson1=1.7.15-1+deb12u4 >/dev/null
for package in *.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$(echo root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
npm install --silent --no-audit --no-fund --prefix "$dir" aedes@1.2.0 >/dev/null
cat > broker.cjs <<'END'
const { Aedes } = require('aedes');
Aedes.createBroker().then((broker) => {
  const server = require('net').createServer(broker.handle);
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
});
END
timeout 40 node broker.cjs >port & broker=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
sent='{"time":1700000000123456789,"meter":9007199254740993}'
root/usr/bin/mosquitto_pub -h 127.0.0.1 -p "$(cat port)" -r -q 1 -t edge/meter -m "$sent"
seen=$(root/usr/bin/mosquitto_sub -h 127.0.0.1 -p "$(cat port)" -t edge/meter -C 1 -W 10 -F '%p %J')
root/usr/bin/mosquitto_sub --help | head -2 | grep -i version || true
echo "sent $sent"
echo "seen $seen"
grep -qF "$sent " <<<"$seen" && grep -qF '"payload":{"time":1.7000000001234568e+18,"meter":9.00719925474099e+15}' <<<"$seen"
