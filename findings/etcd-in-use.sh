#!/bin/sh
# How much of etcd's file is in use (dbSizeInUse), by which one decides whether to defragment it.
#
# One would guess: it falls when what is old has been forgotten (compaction), within some seconds at most.
# What happens: it stays until the next write. When the quota is reached there is none: after the compaction that is to help
# the file looks as full as before, and a rule like "defragment what is half empty" never comes to anything.
# 3.4.23 and 3.5.30 alike:
#
#   MiB in use, written: about 32
#   MiB in use, five seconds after all of it but one was forgotten: about 32
#   MiB in use, after one more small write: about 1
. "$(dirname "$0")/etcd.sh"

in_use() { echo $((($(status 23800 | field dbSizeInUse) + 524288) / 1048576)); }
# about NUMBER: what is in use, if it is nearly as much as that
about() {
  used=$(in_use)
  [ "$used" -ge $(($1 - 4)) ] && [ "$used" -le $(($1 + 4)) ] && echo "about $1" || echo "$used"
}
value=$(head -c 1000000 /dev/zero | base64 -w 0)

for version in 3.4.23 3.5.30; do
  program $version
  start one 23800 --listen-peer-urls http://127.0.0.1:23801 --initial-advertise-peer-urls http://127.0.0.1:23801 \
    --initial-cluster one=http://127.0.0.1:23801
  wait_for 30 'a member' status 23800
  echo "{\"key\":\"YQ==\",\"value\":\"$value\"}" >"$work/put"
  for turn in $(seq 32); do call 23800 put "@$work/put" >/dev/null; done
  sleep 1
  expect "$version MiB in use, written" "$(about 32)" 'about 32'
  call 23800 compaction '{"revision":"33"}' >/dev/null
  sleep 5
  expect "$version MiB in use, five seconds after all of it but one was forgotten" "$(about 32)" 'about 32'
  call 23800 put '{"key":"Yg==","value":"Yg=="}' >/dev/null
  sleep 1
  expect "$version MiB in use, after one more small write" "$(about 1)" 'about 1'
  stop
  rm -rf "$work/one"
done
