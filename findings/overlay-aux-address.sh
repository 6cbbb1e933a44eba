#!/bin/sh
# `docker network create -d overlay --aux-address router=10.60.0.2`: an address that something else on the network has.
#
# One would guess: no task or service gets that address, which is what the option is for, and does on a bridge.
# What happens: an overlay forgets it, without a word. It is not shown, and the first service gets it for its virtual address.
# Docker's swarm mode, 28.5.2:
#
#   reserved on a bridge: {"router":"10.70.0.2"}, first container: 10.70.0.3
#   reserved on an overlay: null, first service: 10.60.0.2/29
. "$(dirname "$0")/engine.sh"

start engine 28.5.2
on engine docker swarm init --advertise-addr 127.0.0.1 >/dev/null
reserved() { on engine docker network inspect "$1" --format '{{json (index .IPAM.Config 0).AuxAddress}}'; }
on engine docker network create --subnet 10.70.0.0/29 --gateway 10.70.0.1 --aux-address router=10.70.0.2 bridged >/dev/null
on engine docker network create -d overlay --subnet 10.60.0.0/29 --gateway 10.60.0.1 --aux-address router=10.60.0.2 overlaid >/dev/null
on engine docker run -d --name box --network bridged busybox sleep 1d >/dev/null
on engine docker service create --detach --no-resolve-image --name web --network overlaid --replicas 0 busybox >/dev/null
wait_for 20 'the service has an address' sh -c "DOCKER_HOST=unix://$work/engine/socket docker service inspect web | grep -q 10.60.0"
container=$(on engine docker inspect box --format '{{.NetworkSettings.Networks.bridged.IPAddress}}')
service=$(on engine docker service inspect web --format '{{(index .Endpoint.VirtualIPs 0).Addr}}')
expect 'on a bridge' "$(reserved bridged), first container: $container" '{"router":"10.70.0.2"}, first container: 10.70.0.3'
expect 'on an overlay' "$(reserved overlaid), first service: $service" 'null, first service: 10.60.0.2/29'
