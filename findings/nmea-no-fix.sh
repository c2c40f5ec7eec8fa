#!/usr/bin/env bash
# What surprised: without a fix, parsers of NMEA hand on readings that look real: an empty position becomes 0/0, and
# sentences that say of themselves "not valid" (RMC V, VTG mode N) become a speed and a course of 0.
# Packages: npm nmea-simple 3.3.0, npm @signalk/nmea0183-signalk 3.20.1
# Expected of a GGA with quality 0 and empty fields: no latitude; of RMC V and VTG N: no speed (null, as the position is).
# Seen: latitude 0, longitude 0, altitude 0; speedOverGround 0 of the RMC and 0.0269 m/s of the VTG.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
npm install --silent --no-audit --no-fund --prefix "$dir" nmea-simple@3.3.0 @signalk/nmea0183-signalk@3.20.1 >/dev/null
cat > "$dir/sentences.cjs" <<'END'
const { parseNmeaSentence } = require('nmea-simple');
const SignalK = require('@signalk/nmea0183-signalk');
console.log('nmea-simple', require('nmea-simple/package.json').version, 'nmea0183-signalk',
            require('@signalk/nmea0183-signalk/package.json').version);
const gga = parseNmeaSentence('$GPGGA,120000.00,,,,,0,00,99.9,,,,,,*5C');
console.log('GGA', gga.fixType, gga.latitude + 0, gga.longitude + 0, gga.altitudeMeters);
const parser = new SignalK();
for (const sentence of ['$GPRMC,120000.00,V,,,,,0.0,0.0,011226,,,N*78', '$GPVTG,0.00,T,,M,0.052,N,0.097,K,N*3B']) {
  const speed = parser.parse(sentence).updates[0].values.find((one) => one.path === 'navigation.speedOverGround');
  console.log(sentence.slice(3, 6), 'speed', speed.value);
}
END
seen=$(cd "$dir" && node sentences.cjs)
echo "$seen"
grep -qx 'GGA none 0 0 0' <<<"$seen" && grep -qx 'RMC speed 0' <<<"$seen" && grep -q '^VTG speed 0.0269' <<<"$seen"
