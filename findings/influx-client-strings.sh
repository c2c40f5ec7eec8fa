#!/usr/bin/env bash
# What surprised: InfluxDB's own client takes the text of a device as a field's value, and where it cannot read the text
# it writes another value in place of an error: what it throws for is only text without any digit in front.
# Package: npm @influxdata/influxdb-client 1.35.0 (Point). Its reference: "throws NaN … is supplied".
# Expected of booleanField("false"): false; of floatField("12,7"), intField("1e3"): 12.7 and 1000, or an error.
# Seen: T (true), 12, 1; and intField("9007199254740993") is 9007199254740992, while uintField keeps the last digit.
# Consequence: a closed contact is written as open, a comma takes the decimals off, without a word: convert before. Vigile
# reads numbers whole or says what is wrong with them (drivers/serial/README.md, notes).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" @influxdata/influxdb-client@1.35.0 >/dev/null
cat > "$dir/point.cjs" <<'END'
const { Point } = require('@influxdata/influxdb-client');
console.log('influxdb-client', JSON.parse(require('fs').readFileSync('node_modules/@influxdata/influxdb-client/package.json')).version);
for (const [method, text] of [['booleanField', 'false'], ['booleanField', '0'], ['floatField', '12,7'], ['intField', '1e3'],
                              ['intField', '9007199254740993'], ['uintField', '9007199254740993'], ['floatField', '']]) {
  let line;
  try {
    line = new Point('m')[method]('v', text).timestamp(1).toLineProtocol();
  } catch (error) {
    line = `error: ${error.message}`;
  }
  console.log(`${method}("${text}") ${line}`);
}
END
seen=$(cd "$dir" && node point.cjs)
echo "$seen"
grep -qxF 'booleanField("false") m v=T 1' <<<"$seen" && grep -qxF 'floatField("12,7") m v=12 1' <<<"$seen" &&
  grep -qxF 'intField("1e3") m v=1i 1' <<<"$seen" && grep -qxF 'intField("9007199254740993") m v=9007199254740992i 1' <<<"$seen" &&
  grep -qxF 'uintField("9007199254740993") m v=9007199254740993u 1' <<<"$seen"
