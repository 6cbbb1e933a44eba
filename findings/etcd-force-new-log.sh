#!/bin/sh
# A cluster of etcd that has lost most of its members: the last one is made the only one (--force-new-cluster, as documented),
# and a new member joins it.
#
# One would guess: the members of a cluster hold the same, that is what it is for; a new one gets what the only one has.
# What happens: if the last member was killed, its log may not say of the last writes that they were agreed on, though they
# are in its database. They are discarded from the log and stay in the database. A new member replays the log: it lacks them,
# its revisions are behind from then on, and a transaction that compares revisions does one thing here and another thing there.
# Nobody says so. A member that has been made to write its state down (a small --snapshot-count, some writes) and was then
# started once more sends the new one its state instead, and both hold the same.
# 3.4.23 does so; 3.5.30, asked in the same way, does not:
#
#   3.4.23 revisions of the old and of the new member differ by: 1
#   3.4.23 a key that a transaction has put if the revision was right, at the old and at the new member: yes no
#   3.4.23 with its state written down first: 0
#   3.5.30 revisions of the old and of the new member differ by: 0
#   3.5.30 a key that a transaction has put if the revision was right, at the old and at the new member: yes yes
#   3.5.30 with its state written down first: 0
. "$(dirname "$0")/etcd.sh"

cluster=one=http://127.0.0.1:23801,two=http://127.0.0.1:23811,three=http://127.0.0.1:23821
# begin NAME PORT OPTION…
begin() {
  name=$1 port=$2
  shift 2
  start "$name" "$port" --listen-peer-urls "http://127.0.0.1:$((port + 1))" \
    --initial-advertise-peer-urls "http://127.0.0.1:$((port + 1))" "$@"
}
# writes PORT: whether it does.
writes() { call "$1" put '{"key":"YQ==","value":"YQ=="}' | grep -q revision; }
revision() { status "$1" | field revision; }
# the value of the key r, as that member has it
value() { call "$1" range '{"key":"cg==","serializable":true}' | sed -n 's/.*"value":"\([^"]*\)".*/\1/p' | base64 -d; }
# join: a new member, which votes when it has all.
join() {
  curl -s -m 5 -X POST -d '{"peerURLs":["http://127.0.0.1:23831"]}' http://127.0.0.1:23800/v3/cluster/member/add >/dev/null
  begin four 23830 --initial-cluster one=http://127.0.0.1:23801,four=http://127.0.0.1:23831 --initial-cluster-state existing
  wait_for 30 'a new member' writes 23830
  sleep 1
}
# left OPTION…: three members of which one is left, killed like the others, and made the only one.
left() {
  begin one 23800 --initial-cluster $cluster
  begin two 23810 --initial-cluster $cluster
  begin three 23820 --initial-cluster $cluster
  wait_for 30 'three members' writes 23800
  for turn in 1 2 3 4 5; do writes 23800; done
  sleep 1
  stop
  begin one 23800 --force-new-cluster "$@"
  wait_for 30 'the only member' writes 23800
}
forget() {
  stop
  rm -rf "$work"/one "$work"/two "$work"/three "$work"/four
}

# try VERSION DIFFERENCE VALUES
try() {
  version=$1
  program "$version"
  left
  join
  expect "$version revisions of the old and of the new member differ by" "$(($(revision 23800) - $(revision 23830)))" "$2"
  now=$(call 23800 put '{"key":"Yg==","value":"Yg=="}' | field revision)
  call 23800 txn "{\"compare\":[{\"key\":\"Yg==\",\"target\":\"MOD\",\"modRevision\":\"$now\"}],
    \"success\":[{\"requestPut\":{\"key\":\"cg==\",\"value\":\"eWVz\"}}],
    \"failure\":[{\"requestPut\":{\"key\":\"cg==\",\"value\":\"bm8=\"}}]}" >/dev/null
  sleep 1
  expect "$version a key that a transaction has put if the revision was right, at the old and at the new member" \
    "$(value 23800) $(value 23830)" "$3"
  forget
  left --snapshot-count=1
  for turn in $(seq 20); do writes 23800; done
  stop
  begin one 23800
  wait_for 30 'the only member, once more' writes 23800
  join
  expect "$version with its state written down first" "$(($(revision 23800) - $(revision 23830)))" 0
  forget
}
try 3.4.23 1 'yes no'
try 3.5.30 0 'yes yes'
