#!/bin/sh
# Three lab hosts, a swarm of one manager and two workers on them, a service with six replicas.
# What is already there is kept: run it again after anything that went wrong.
set -eu
cd "$(dirname "$0")/../.."
machine() { bin/essaim machine "$@"; }
# Runs the docker CLI against a host: on node1 docker ps
on() (
  eval "$(machine env "$1")"
  shift
  "$@"
)
command -v docker >/dev/null || { echo 'There is no docker command: install docker.io or docker-ce-cli.' >&2; exit 1; }

missing=
for node in node1 node2 node3; do
  case $(machine ls -f '{{.Name}}:{{.Errors}}' | grep "^$node:") in
    '' | *'not finished'*) missing="$missing $node" ;;
    *) machine start "$node" ;;
  esac
done
# The hosts' Docker Engine: this system's own, or ENGINE=26 or 28 from a later suite of Debian.
engine=
case ${ENGINE:-20} in 20) ;; *) engine=$(test/support/engines.sh "$ENGINE") ;; esac
[ -z "$missing" ] || machine create -d lab ${engine:+--engine-path "$engine"} $missing
images=$(node_modules/.bin/node test/support/images.ts)
machine load node1 node2 node3 "$images" >/dev/null

in_swarm() { [ "$(on "$1" docker info --format '{{.Swarm.LocalNodeState}}')" = active ]; }
in_swarm node1 || on node1 docker swarm init --advertise-addr "$(machine ip node1)" >/dev/null
token=$(on node1 docker swarm join-token -q worker)
for node in node2 node3; do
  in_swarm $node || on $node docker swarm join --token "$token" "$(machine ip node1):2377"
done
# The progress display wants a terminal.
[ -t 1 ] && quiet= || quiet=--quiet
on node1 docker service inspect whoami >/dev/null 2>&1 ||
  on node1 docker service create $quiet --no-resolve-image --name whoami --replicas 6 --publish 8080:8080 whoami:latest

machine ls
echo
on node1 docker node ls
echo
on node1 docker service ps whoami
cat <<'END'

Your swarm is up, and every host answers for the service, whether it runs a task of it or not:

  curl http://$(bin/essaim machine ip node2):8080

Now point docker at the manager, and use Docker's own commands:

  eval "$(bin/essaim machine env node1)"
  docker service scale whoami=9
  docker service ps whoami
  docker node update --availability drain node2
  docker service update --image whoami:2 whoami

What when a host dies?

  bin/essaim machine kill node3; sleep 5; docker service ps whoami
  bin/essaim machine start node3

A shell on a host:        bin/essaim machine ssh node2
Back to your own engine:  eval "$(bin/essaim machine env --unset)"
Remove everything:        make down
END

echo
echo 'The web interface, whose certificate is of the swarm'"'"'s own authority:'
echo
on node1 bin/essaim ui
