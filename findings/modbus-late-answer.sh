#!/usr/bin/env bash
# What surprised: after one answer that came past its time-out, every reading of a Modbus RTU line is the one of the
# register asked before it, without an error and without end: each answer is taken for the next question's.
# Package: npm modbus-serial 8.0.25, RTU over TCP (connectTelnet); the slave's first answer takes 600 ms of 500.
# Expected: one "Timed out", then 200 for register 200, or an error (an RTU answer has no id, so empty the line first).
# Seen: "Timed out", then register 200 reads 100, 300 reads 200, … 600 reads 500: a pressure under a temperature's name.
# Consequence: reopen the connection after each time-out. Vigile does so (drivers/modbus/README.md, "late").
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --omit=optional --prefix "$dir" modbus-serial@8.0.25 >/dev/null
cat > "$dir/late.cjs" <<'END'
const net = require('net');
const Modbus = require('modbus-serial');
console.log('modbus-serial', require('modbus-serial/package.json').version);
const crc = (bytes) => {
  let sum = 0xffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >> 1) ^ 0xa001 : sum >> 1;
  }
  return sum;
};
let questions = 0;
const slave = net.createServer((line) => line.on('error', () => {}).on('data', (question) => {
  const answer = Buffer.from([question[0], question[1], 2, question[2], question[3], 0, 0]);  // a register holds its own address
  answer.writeUInt16LE(crc(answer.subarray(0, 5)), 5);
  setTimeout(() => line.write(answer), questions++ === 0 ? 600 : 150);
}));
slave.listen(0, '127.0.0.1', async () => {
  const client = new Modbus();
  await client.connectTelnet('127.0.0.1', { port: slave.address().port });
  client.setID(1);
  client.setTimeout(500);
  for (let register = 100; register <= 600; register += 100) {
    const seen = await client.readHoldingRegisters(register, 1).then((answer) => answer.data[0], (error) => error.message);
    console.log(`asked ${register}, got ${seen}`);
  }
  process.exit();
});
END
seen=$(cd "$dir" && timeout 30 node late.cjs)
echo "$seen"
grep -qx 'asked 100, got Timed out' <<<"$seen" && grep -qx 'asked 200, got 100' <<<"$seen" && grep -qx 'asked 600, got 500' <<<"$seen"
