#!/usr/bin/env bash
# What surprised: the life of an MQTT 5 message ("message expiry interval", seconds) begins in MQTT.js when the broker is
# reached, not when the message is published: what waited while offline is as fresh as new, however old it is.
# Packages: npm mqtt 5.16.0; Debian's mosquitto and mosquitto-clients 2.0.11-1.2+deb12u2 with libmosquitto1
# Expected of an expiry of 5 s, published 4 s before the broker can be reached: 1 s left, as a broker counts it down.
# Seen: mosquitto hands it on with 5 s left, and with an expiry of 2 s, dead for 2 s by then, with 2 s.
# Consequence: an order ("open the valve", good for 2 s) is carried out after an outage: give it a time of its own, and look
# at that. Vigile's mqtt sink sets no expiry; its readings have their own time.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill ${broker:-} ${client:-} 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q -o APT::Sandbox::User=root download mosquitto=2.0.11-1.2+deb12u2 mosquitto-clients=2.0.11-1.2+deb12u2 libmosquitto1=2.0.11-1.2+deb12u2 >/dev/null
for package in *.deb; do dpkg -x "$package" root; done
LD_LIBRARY_PATH=$(echo root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
npm install --silent --no-audit --no-fund --prefix "$dir" mqtt@5.16.0 >/dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '%s\n' "listener $port 127.0.0.1" 'allow_anonymous true' "user $(id -un)" >conf
cat > publish.cjs <<'END'
const mqtt = require('mqtt');
console.log('mqtt', require('mqtt/package.json').version);
const client = mqtt.connect(`mqtt://127.0.0.1:${process.argv[2]}`, { protocolVersion: 5, reconnectPeriod: 200 });
client.on('error', () => {});
let left = 2;
for (const seconds of [5, 2]) {
  const options = { qos: 1, retain: true, properties: { messageExpiryInterval: seconds } };
  client.publish(`valve/${seconds}`, 'open', options, () => --left || client.end());
}
END
timeout 30 node publish.cjs "$port" & client=$!
sleep 4
root/usr/sbin/mosquitto -c conf 2>log & broker=$!
wait "$client"
root/usr/bin/mosquitto_sub -V 5 -h 127.0.0.1 -p "$port" -t 'valve/+' -C 2 -W 5 -F '%t %p, %E s left' | tee seen
# What the second that may pass on the way leaves of it:
grep -qE '^valve/5 open, [45] s left' seen && grep -qE '^valve/2 open, [12] s left' seen
