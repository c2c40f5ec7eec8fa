#!/usr/bin/env bash
# What surprised: a DBC library reads which multiplexor value chooses a signal, and then decodes the signal from every
# frame all the same: a temperature comes out of frames that carry something else.
# Package: npm candied 2.2.0
# Expected of `Temp m0` with SG_MUL_VAL_ 0-3, 7-7: a value for 0, 1, 2, 3 and 7, and none for 4.
# Seen: a value for each multiplexor, also for 4.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" candied@2.2.0 >/dev/null
cat > "$dir/frames.cjs" <<'END'
const { Can, Dbc } = require('candied');
console.log('candied', require('candied/package.json').version);
const can = new Can();
can.database = new Dbc().load([
  'VERSION ""', 'NS_ :', 'BS_:', 'BU_: A', 'BO_ 256 M: 8 A',
  ' SG_ Mux M : 0|8@1+ (1,0) [0|0] "" A',
  ' SG_ Temp m0 : 8|16@1- (0.1,0) [0|0] "C" A',
  'SG_MUL_VAL_ 256 Temp Mux 0-3, 7-7;', ''].join('\n'));
for (const mux of [0, 3, 4, 7]) {
  const message = can.decode(can.createFrame(256, [mux, 0xd2, 0, 0, 0, 0, 0, 0]));
  console.log('mux', mux, [...message.boundSignals].map(([name, signal]) => `${name}=${signal.value}`).join(' '));
}
END
seen=$(cd "$dir" && node frames.cjs)
echo "$seen"
grep -qx 'mux 0 Mux=0 Temp=21' <<<"$seen" && grep -qx 'mux 4 Mux=4 Temp=21' <<<"$seen"
