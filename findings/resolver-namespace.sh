#!/bin/sh
# Which network does Docker's resolver (127.0.0.11 in containers) ask a name server over? Here the name server has an address
# that only the container's own network knows.
#
# One would guess: it does not matter whether the engine has the server from the host's /etc/resolv.conf or from `--dns`; an
# address is an address, and it is asked as the container would ask it.
# What happens: 20.10.24 asks either from within the container's network namespace. 28.5.2 asks what it has from the host's
# /etc/resolv.conf from the host's namespace, and only what was given by `--dns` from the container's: the same address, in
# the same container's network, works in the one way and is SERVFAIL in the other. What a user meets: filters, VPNs and name
# servers inside of a container's network that saw its questions see none after an update.
#
#   20.10.24 from resolv.conf: 192.0.2.7
#   20.10.24 by --dns: 192.0.2.7
#   28.5.2 from resolv.conf: SERVFAIL
#   28.5.2 by --dns: 192.0.2.7
. "$(dirname "$0")/engine.sh"
node=$PWD/node_modules/.bin/node

# Answers each question with 192.0.2.7.
cat >"$work/server.mjs" <<'END'
import { createSocket } from 'node:dgram';
const socket = createSocket('udp4');
socket.on('message', (question, { port, address }) => {
  const header = Buffer.from([question[0], question[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7]);
  socket.send(Buffer.concat([header, question.subarray(12, question.indexOf(0, 12) + 5), answer]), port, address);
});
socket.bind(53, '10.9.9.9');
END

# ask OPTION…: a container with these, whose network has the name server; prints what it finds.
ask() {
  on engine docker run -d --name box --network net "$@" busybox sleep 1d >/dev/null
  pid=$(on engine docker inspect box --format '{{.State.Pid}}')
  inside engine nsenter --target "$pid" --net ip address add 10.9.9.9/32 dev lo
  inside engine nsenter --target "$pid" --net "$node" "$work/server.mjs" >/dev/null &
  server=$!
  trap 'kill $server' EXIT
  wait_for 20 'the name server listens' inside engine nsenter --target "$pid" --net \
    sh -c 'grep -q 0909090A:0035 /proc/net/udp'
  on engine docker exec box nslookup -type=a name.example 2>&1 | grep -o -m 1 -e '192\.0\.2\.7' -e SERVFAIL
  on engine docker rm -f box >/dev/null
}

for version in 20.10.24 28.5.2; do
  mkdir -p "$work/engine"
  echo 'nameserver 10.9.9.9' >"$work/engine/resolv.conf"
  start engine $version
  on engine docker network create net >/dev/null
  case $version in 20.10.24) of_host=192.0.2.7 ;; *) of_host=SERVFAIL ;; esac
  expect "$version from resolv.conf" "$(ask)" $of_host
  expect "$version by --dns" "$(ask --dns 10.9.9.9)" 192.0.2.7
  discard engine
done
