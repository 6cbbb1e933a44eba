#!/bin/sh
# The start of an engine that has containers to restart (`--restart always`) on a network of a plugin that is not running,
# for example because the plugin is itself started after the engine.
#
# One would guess: the engine comes up, says that the plugin is missing, and these containers are started later or not at
# all; the others, and whoever asks the engine something, do not notice.
# What happens: it answers nobody (`docker version` hangs) until it has looked for the plugin for 15 s (1, 2, 4, 8) for each
# such container, one after the other; then they are "Exited (128)" and stay so. Three are 45 s, ten are two and a half
# minutes: longer than what service managers and health checks wait.
#
#   28.5.2: 3 containers, more than 40 s until it answers; then running: 0
#   20.10.24: the same
. "$(dirname "$0")/engine.sh"
node=$PWD/node_modules/.bin/node

# The smallest network driver: says yes to everything, and has nothing to do.
cat >"$work/plugin.mjs" <<'END'
import { createServer } from 'node:http';
const answers = {
  '/Plugin.Activate': { Implements: ['NetworkDriver'] },
  '/NetworkDriver.GetCapabilities': { Scope: 'local', ConnectivityScope: 'local' },
};
createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  request.resume().on('end', () => response.end(JSON.stringify(answers[request.url] ?? {})));
}).listen(process.argv[2]);
END

for version in 28.5.2 20.10.24; do
  start engine $version
  socket=$work/engine/run/plugins/nothing.sock
  mkdir -p "$(dirname "$socket")"
  "$node" "$work/plugin.mjs" "$socket" &
  plugin=$! servers=$!
  wait_for 10 'the plugin answers' test -S "$socket"
  on engine docker network create -d nothing --subnet 10.1.1.0/24 net >/dev/null
  for name in one two three; do
    on engine docker run -d --restart always --name $name --network net busybox sh -c 'trap "exit 0" TERM; while :; do sleep 1; done' >/dev/null
  done
  stop engine
  kill $plugin
  rm "$socket"
  began=$(date +%s)
  start engine $version
  took=$(($(date +%s) - began))
  waited="less than 40 s ($took)"
  [ $took -lt 40 ] || waited='more than 40 s'
  running=$(on engine docker ps -q | wc -l)
  expect "$version" "3 containers, $waited until it answers; then running: $running" \
    '3 containers, more than 40 s until it answers; then running: 0'
  discard engine
done
