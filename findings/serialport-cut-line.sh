#!/usr/bin/env bash
# What surprised: a line parser that "emits data after a newline delimiter is received" also emits what stands behind the last
# one when its stream ends: of an instrument behind a serial device server that restarts within a line, a cut number.
# Package: npm @serialport/parser-readline 13.0.0, fed from a TCP connection. (A SerialPort that is unplugged has no such end.)
# Expected of "123.4\r\n12" and the connection's end: the line 123.4 alone.
# Seen: the lines 123.4 and 12.
# Consequence: a drop from 123.4 to 12 at a restart, that no check of the text can find: ask for the delimiter with
# includeDelimiter, and pass over a line without it. Vigile's listen driver takes the rest as a line too
# (drivers/listen/README.md).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" @serialport/parser-readline@13.0.0 >/dev/null
cat > "$dir/cut.cjs" <<'END'
const net = require('net');
const { ReadlineParser } = require('@serialport/parser-readline');
console.log('parser-readline', require('@serialport/parser-readline/package.json').version);
const server = net.createServer((instrument) => {
  instrument.write('123.4\r\n12');
  setTimeout(() => instrument.end(), 200);
});
server.listen(0, '127.0.0.1', () => {
  for (const includeDelimiter of [false, true]) {
    const parser = net.connect(server.address().port, '127.0.0.1').pipe(new ReadlineParser({ delimiter: '\r\n', includeDelimiter }));
    parser.on('data', (line) => console.log(includeDelimiter ? 'with delimiter' : 'line', JSON.stringify(line)));
  }
  setTimeout(() => process.exit(), 1000);
});
END
seen=$(cd "$dir" && timeout 20 node cut.cjs)
echo "$seen"
grep -qxF 'line "123.4"' <<<"$seen" && grep -qxF 'line "12"' <<<"$seen" && grep -qxF 'with delimiter "12"' <<<"$seen"
