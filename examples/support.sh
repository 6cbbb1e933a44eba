# What the examples' `try` share: a lab of its own for each, removed at the end, however it ends.
# Sourced with $example set, from the root of the repository; $images_of: another example, whose images it uses.
set -eu
[ "$(id -u)" = 0 ] || { echo "Lab hosts need root." >&2; exit 1; }
[ -x node_modules/.bin/node ] || { echo "First run: make" >&2; exit 1; }
test/support/packages.sh curl curl
command -v docker >/dev/null || { echo 'There is no docker command: install docker.io or docker-ce-cli.' >&2; exit 1; }
unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_TLS DOCKER_CERT_PATH
# Images are kept, and shared with hosts made otherwise; the lab's hosts lie apart from those.
home=${ESSAIM_HOME:-/var/lib/essaim}
export ESSAIM_HOME="$home/examples/$example-lab"
work=$ESSAIM_HOME/work

say() { printf '%s\n' "$*"; }
fail() { say "FAILED: $*" >&2; exit 1; }
machine() { bin/essaim machine "$@"; }
fetch() { curl -fsS --max-time 60 "$@"; }
# Runs docker on a host's own daemon: on HOST ps
on() (
  host=$1
  shift
  DOCKER_HOST=unix://$ESSAIM_HOME/machines/$host/run/docker.sock docker "$@"
)
# Waits for a command to succeed: within SECONDS 'what is waited for' COMMAND…
within() {
  deadline=$(($(date +%s) + $1))
  what=$2
  shift 2
  until "$@" 2>/dev/null; do
    [ "$(date +%s)" -lt "$deadline" ] || { "$@" || true; fail "waited in vain: $what"; }
    sleep 0.5
  done
}

# Makes hosts with the example's images, and a swarm of them; the first is its manager, and docker talks to it.
start_lab() {
  remove_lab
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  hosts=$*
  manager=$1
  say "Making the hosts $hosts."
  machine create -d lab "$@" >/dev/null
  mkdir -p "$work"
  DOCKER_HOST=unix://$ESSAIM_HOME/machines/$manager/run/docker.sock
  export DOCKER_HOST
  images=$(examples/build "${images_of:-$example}" 2>"$work/build.log") || {
    tail -20 "$work/build.log" >&2
    fail 'the images could not be made'
  }
  machine load "$@" "$images" >/dev/null
  address=$(machine ip "$manager")
  docker swarm init --advertise-addr "$address" >/dev/null
  token=$(docker swarm join-token -q worker)
  shift
  for host in "$@"; do on "$host" swarm join --token "$token" "$address:2377" >/dev/null; done
  docker node ls
}

remove_lab() {
  left=$(machine ls -q)
  [ -z "$left" ] || machine rm -f $left >/dev/null
  rm -rf "$ESSAIM_HOME"
}

finish() {
  status=$?
  trap - EXIT
  # Who visits while it is shown does not stay when that fails.
  [ -z "${visiting:-}" ] || kill "$visiting" 2>/dev/null || true
  if [ "$status" != 0 ]; then
    {
      docker node ls
      docker service ls
      for service in $(docker service ls -q); do
        docker service ps --no-trunc "$service"
        timeout 10 docker service logs --tail 5 "$service"
      done
    } >&2 2>&1 || true
  fi
  say 'Removing the hosts, and all that is on them.'
  remove_lab
  exit "$status"
}

# Whether each service has as many tasks running as it wants.
settled() {
  docker service ls --format '{{.Replicas}}' >"$work/replicas" || return 1
  awk '{ split($1, n, "/"); if (n[1] != n[2]) exit 1 } END { if (NR == 0) exit 1 }' "$work/replicas"
}
# Which hosts run a service's tasks.
hosts_of() {
  docker service ps --filter desired-state=running --format '{{.Node}}' "$1" | sort
}
# Whether nothing of this stack or service is on any host, but for its volumes: gone LABEL
gone() {
  for host in $hosts; do
    [ -z "$(on "$host" ps -aq --filter "label=$1")" ] || return 1
  done
  [ -z "$(docker service ls -q --filter "label=$1")$(docker network ls -q --filter "label=$1")" ]
}
