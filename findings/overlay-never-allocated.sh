#!/bin/sh
# `docker network create -d overlay --ipv6 --subnet fd00:1::/64`: an overlay with an IPv6 subnet of one's own.
#
# One would guess: as with a bridge, it gets that subnet, and one of IPv4 from the pools besides; or else the command says
# what is missing.
# What happens: the command succeeds and prints an id, but the network has no subnet at all and no driver, and a service on
# it waits in the state New for ever, without an error. (An IPv4 subnet that another overlay has already ends the same way.)
# Docker's swarm mode, 28.5.2:
#
#   bridge: subnets of IPv6 and IPv4
#   overlay: exit code 0, subnets null, driver ""
#   a task on it, after 10 s: New, error ""
#   a second overlay with the subnet of the first: exit code 0, subnets null, driver ""
. "$(dirname "$0")/engine.sh"

start engine 28.5.2
on engine docker swarm init --advertise-addr 127.0.0.1 >/dev/null
create() {
  code=0
  on engine docker network create "$@" >/dev/null || code=$?
  for name; do :; done
  on engine docker network inspect "$name" --format "exit code $code, subnets {{json .IPAM.Config}}, driver {{json .Driver}}"
}
created=$(create --ipv6 --subnet fd00:2::/64 bridged)
case $created in *fd00:2::/64*.0.0/16*) created='subnets of IPv6 and IPv4' ;; esac
expect bridge "$created" 'subnets of IPv6 and IPv4'
expect overlay "$(create -d overlay --ipv6 --subnet fd00:1::/64 six)" 'exit code 0, subnets null, driver ""'
on engine docker service create --detach --quiet --no-resolve-image --name web --network six busybox sleep 1d >/dev/null
# Not for a condition: what is shown is that none comes.
sleep 10
expect 'a task on it, after 10 s' \
  "$(on engine docker service ps web --format '{{.CurrentState}}, error {{json .Error}}' | sed 's/ .* ago//')" 'New, error ""'
on engine docker network create -d overlay --subnet 10.50.0.0/24 first >/dev/null
expect 'a second overlay with the subnet of the first' "$(create -d overlay --subnet 10.50.0.0/24 second)" \
  'exit code 0, subnets null, driver ""'
