#!/usr/bin/env bash
# Surprise: a file system that ext4 has made read-only after an error (errors=remount-ro) says "rw" in every place where one looks
#   for "ro": the mount's options, the file system's, statvfs(3). Only the new word "emergency_ro" tells (Linux 6.15 and later).
# Package: prometheus-node-exporter 1.5.0-1+b6 (Debian 12), on the kernel that runs; needs root and a loop device.
# Expected: node_filesystem_readonly 1 for a file system on which touch(1) fails with "Read-only file system".
# Seen: node_filesystem_readonly 0; /proc/self/mountinfo "rw,relatime … rw,errors=remount-ro,emergency_ro".
# Exit status: 0 when it is as seen, 1 when it differs (a kernel before 6.15 says "ro", and node-exporter 1).
set -euo pipefail
version=1.5.0-1+b6
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -q "prometheus-node-exporter=$version" >/dev/null
dpkg -x prometheus-node-exporter_*.deb package
truncate -s 20M image
mkfs.ext4 -q -F image
mkdir mounted
echo "kernel $(uname -r), prometheus-node-exporter $version"
unshare --mount --pid --fork --kill-child --mount-proc bash -euc '
  mount -o loop,errors=remount-ro image mounted
  device=$(basename "$(findmnt -no SOURCE mounted)")
  echo "found by the script" >"/sys/fs/ext4/$device/trigger_fs_error"
  grep "/mounted " /proc/self/mountinfo
  touch mounted/file 2>&1 || true
  package/usr/bin/prometheus-node-exporter --collector.disable-defaults --collector.filesystem \
    --collector.filesystem.mount-points-exclude="^/(proc|sys)" --web.listen-address=127.0.0.1:0 2>log &
  exporter=$!
  until port=$(sed -n "s/.*address=127.0.0.1:\([0-9]*\).*/\1/p" log | head -1) && [ -n "$port" ]; do
    kill -0 $exporter || { cat log; exit 1; }
  done
  python3 -c "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())" "http://127.0.0.1:$port/metrics" |
    grep "^node_filesystem_readonly.*/mounted" >answer
  kill $exporter
  wait $exporter || true
  umount mounted
' >seen 2>&1 || { cat seen; exit 1; }
cat seen answer
grep -q 'rw,errors=remount-ro,emergency_ro$' seen && grep -q 'Read-only file system' seen && grep -q ' 0$' answer
