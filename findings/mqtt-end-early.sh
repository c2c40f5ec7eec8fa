#!/usr/bin/env bash
# What surprised: end() of MQTT.js is documented to wait for messages in flight unless forced, but while the client still
# connects it drops what was published: QoS 0 is said to have ended well, with QoS 1 no callback is ever called.
# Package: npm mqtt 5.16.0, broker npm aedes 1.2.0
# Expected of connect, publish, end(false): the message reaches the broker, or publish's callback gets an error.
# Seen: QoS 0: nothing reaches the broker, publish's callback is not called, end's callback is, without an error.
#   QoS 1: nothing reaches the broker and no callback is called within 3 s, though the broker has the session.
# Consequence: a short script (cron) that reports a reading loses it: publish in "connect", end in publish's callback.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" mqtt@5.16.0 aedes@1.2.0 >/dev/null
cat > "$dir/early.cjs" <<'END'
const { Aedes } = require('aedes');
const mqtt = require('mqtt');
const result = (error) => (error ? error.message : 'without an error');
console.log('mqtt', require('mqtt/package.json').version);
Aedes.createBroker().then((broker) => {
  broker.on('publish', (packet, client) => client && console.log('the broker got', packet.topic, String(packet.payload)));
  const server = require('net').createServer(broker.handle);
  server.listen(0, '127.0.0.1', async () => {
    const url = `mqtt://127.0.0.1:${server.address().port}`;
    for (const qos of [0, 1]) {
      const client = mqtt.connect(url);
      client.publish(`early/${qos}`, '21.5', { qos }, (error) => console.log(`qos ${qos} published`, result(error)));
      client.end(false, {}, (error) => console.log(`qos ${qos} ended`, result(error)));
      await new Promise((done) => setTimeout(done, 3000));
    }
    const client = mqtt.connect(url);
    client.on('connect', () => client.publish('later', '21.5', { qos: 1 }, (error) => {
      console.log('later published', result(error));
      process.exit();
    }));
  });
});
END
seen=$(cd "$dir" && timeout 30 node early.cjs)
echo "$seen"
grep -qx 'the broker got later 21.5' <<<"$seen" && grep -qx 'qos 0 ended without an error' <<<"$seen" &&
  ! grep -qE 'got early|qos . published|qos 1 ended' <<<"$seen"
