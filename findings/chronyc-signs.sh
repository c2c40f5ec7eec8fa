#!/usr/bin/env bash
# chronyc -c tracking has opposite signs in one line: of a clock that is behind and slow, the offset ("System time",
# column 5) is above 0 and the frequency (column 8) is below 0. Without -c the words say "slow" for both.
# Package: Debian's chrony 4.3-2+deb12u3, as published. Expected: one sign for "slow"; adjtimex(2), ntpq and timedatectl
# have offset and frequency both above 0 for a clock that is behind and slow. Seen: 0.50…,-200 ppm.
# Consequence: who reads the columns alike plots a clock that drifts the wrong way. Vigile turns the frequency round.
# A time server half a second ahead, 200 ppm fast, is served here on loopback; chronyd only watches (-x).
set -euo pipefail
dir=$(mktemp -d)
trap 'kill ${server:-} ${daemon:-} 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q -o APT::Sandbox::User=root download chrony=4.3-2+deb12u3 >/dev/null
dpkg -x chrony_*.deb root
cat >server.py <<'PY'
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0)); begin = time.time()
print(s.getsockname()[1], flush=True)
def stamp(back=0):
    t = time.time(); t += 0.5 + (t - begin) * 200e-6 - back
    return struct.pack('>Q', int((t + 2208988800) * 2**32) & (2**64 - 1))
while time.time() < begin + 60:
    s.settimeout(60); data, peer = s.recvfrom(512)
    s.sendto(bytes([0x24, 1, data[2], 0xec]) + bytes(8) + b'GPS\0' + stamp(1) + data[40:48] + stamp() + stamp(), peer)
PY
python3 server.py >port & server=$!
for _ in $(seq 50); do [ -s port ] && break; sleep 0.1; done
commands=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '%s\n' "server 127.0.0.1 port $(cat port) minpoll -4 maxpoll -4 iburst" "port 0" "cmdport $commands" \
  "bindcmdaddress 127.0.0.1" "bindcmdaddress /" "pidfile $dir/pid" >conf
root/usr/sbin/chronyd -x -d -u "$(id -un)" -f conf >log 2>&1 & daemon=$!
tracking() { root/usr/bin/chronyc -n -h 127.0.0.1 -p "$commands" "$@" tracking; }
for _ in $(seq 30); do
  sleep 1
  line=$(tracking -c || true)
  offset=$(cut -d, -f5 <<<"$line") frequency=$(cut -d, -f8 <<<"$line")
  if awk "BEGIN { exit !(${offset:-0} > 0.4 && (${frequency:-0} < -100 || ${frequency:-0} > 100)) }"; then break; fi
done
root/usr/sbin/chronyd --version
echo "chronyc -c tracking: $line"
tracking | grep -E 'System time|Frequency'
if awk "BEGIN { exit !($offset > 0 && $frequency < 0) }"; then
  echo "seen: offset $offset above 0, frequency $frequency below 0, for one clock that is behind and slow"
else
  echo "not seen: offset $offset, frequency $frequency"; exit 1
fi
