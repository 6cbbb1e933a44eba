#!/bin/sh
# `docker stack deploy` of an unchanged file, after `docker service update` of one of its services.
#
# One would guess: a file that is deployed again as it was restarts nothing, whatever `service update` did meanwhile that
# the file does not speak of (here --force, which restarts on purpose, once).
# What happens: all tasks are replaced once more. `service update` sorts a service's mounts by their source even if no option
# is about mounts, `stack deploy` sends them as the file has them, and the swarm takes another order for another service.
# Docker Engine with its own client, 28.5.2 and 20.10.24 alike:
#
#   mounts after stack deploy: zeta alpha
#   mounts after service update --force: alpha zeta
#   mounts after the same stack deploy: zeta alpha
#   tasks after stack deploy, deployed again, service update --force, the same stack deploy: 1 1 2 3
. "$(dirname "$0")/engine.sh"

cat >"$work/stack.yml" <<END
version: "3.8"
services:
  web:
    image: busybox
    command: sh -c 'trap "exit 0" TERM; while :; do sleep 1; done'
    volumes: ["zeta:/first", "alpha:/second"]
volumes: {zeta: {}, alpha: {}}
END
deploy() { on engine docker stack deploy --resolve-image never -c "$work/stack.yml" s >/dev/null 2>&1; }
mounts() {
  on engine docker service inspect s_web \
    --format '{{range .Spec.TaskTemplate.ContainerSpec.Mounts}}{{.Source}} {{end}}' | sed 's/s_//g; s/ $//'
}
tasks() { on engine docker service ps s_web -q | wc -l; }
# With as many tasks as there are now, one of them running.
runs() { [ "$(on engine docker service ps s_web --filter desired-state=running --format '{{.CurrentState}}' | grep -c ^Running)" = 1 ]; }
settle() {
  # A new version of the service takes effect at once if it changes anything.
  sleep 3
  wait_for 60 'the service runs' runs
}

for version in 28.5.2 20.10.24; do
  start engine $version
  on engine docker swarm init --advertise-addr 127.0.0.1 >/dev/null
  deploy && settle
  counts=$(tasks)
  expect 'mounts after stack deploy' "$(mounts)" 'zeta alpha'
  deploy && settle
  counts="$counts $(tasks)"
  on engine docker service update --detach --quiet --force --no-resolve-image s_web >/dev/null
  settle
  counts="$counts $(tasks)"
  expect 'mounts after service update --force' "$(mounts)" 'alpha zeta'
  deploy && settle
  counts="$counts $(tasks)"
  expect 'mounts after the same stack deploy' "$(mounts)" 'zeta alpha'
  expect 'tasks after stack deploy, deployed again, service update --force, the same stack deploy' "$counts" '1 1 2 3'
  discard engine
done
