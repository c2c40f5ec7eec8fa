#!/bin/sh
# An example for the driver `exec`, mode once, format line_protocol: one line a mounted file system.
# Try it: vigilectl drivers test -- config/exec/disk-health.sh
set -eu
df -P -k / /tmp | tail -n +2 | sort -u | while read -r device size used free share mount; do
  printf 'disk_health,mount=%s used_kib=%si,free_kib=%si\n' "$(printf '%s' "$mount" | sed 's/[ ,=]/\\&/g')" "$used" "$free"
done
