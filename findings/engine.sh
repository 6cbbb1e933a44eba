# Docker Engines for the findings, each in namespaces of its own, removed when the script ends. To be sourced; needs root.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d /var/tmp/finding-XXXXXX)
launchers= servers=
trap 'remove' EXIT
trap 'exit 130' INT TERM

# start NAME VERSION [OPTION…]: an engine, with an image busybox. VERSION as dockerd --version says it: 20.10 is that of this
# system's package, others are fetched from a later suite of Debian. Fails if it is another version than was tried.
start() {
  name=$1 version=$2 dir=$work/$1
  shift 2
  case $version in
    20.10*) folder=/usr/sbin:/usr/bin ;;
    *) folder=$(test/support/engines.sh "${version%%.*}") ;;
  esac
  at_hand=$(PATH=$folder:$PATH dockerd --version)
  case $at_hand in *"version $version"[+,\ ]*) ;; *) fail "tried with $version, at hand is $at_hand: try it anew" ;; esac
  mkdir -p "$dir/run" "$dir/mnt"
  echo "$folder" >"$dir/folder"
  [ -e "$dir/resolv.conf" ] || echo 'nameserver 127.0.0.1' >"$dir/resolv.conf"
  # $1 is the engine's folder, the rest are dockerd's options.
  launch='
    mount --rbind /sys/fs/cgroup "$1/mnt"; mount -t sysfs sysfs /sys; mount --rbind "$1/mnt" /sys/fs/cgroup
    mkdir -p /run/docker; mount --bind "$1/run" /run/docker
    mount --bind "$1/resolv.conf" /etc/resolv.conf
    hostname "$(basename "$1")"; ip link set lo up
    dir=$1; shift
    exec dockerd -H "unix://$dir/socket" --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" "$@"'
  PATH=$folder:$PATH unshare --net --mount --uts --pid --fork --kill-child --mount-proc \
    sh -ec "$launch" sh "$dir" --cgroup-parent "/finding-$$" --exec-opt native.cgroupdriver=cgroupfs "$@" >>"$dir/log" 2>&1 &
  launchers="$launchers $!"
  echo $! >"$dir/launcher"
  wait_for 120 "engine $name" on "$name" docker version
  on "$name" docker image inspect busybox >/dev/null 2>&1 || busybox_image "$name"
}

# stop NAME: in order, as a service manager does it. What it has stored stays.
stop() {
  dir=$work/$1
  kill -TERM "$(cat "/proc/$(cat "$dir/launcher")/task/$(cat "$dir/launcher")/children")"
  wait "$(cat "$dir/launcher")" || true
  rm -rf "$dir/pid" "$dir/exec"
}

# discard NAME: ends it at once, and forgets what it has stored.
discard() {
  kill -KILL "$(cat "$work/$1/launcher")"
  wait "$(cat "$work/$1/launcher")" 2>/dev/null || true
  rm -rf "${work:?}/$1"
}

# on NAME COMMAND…: with the engine's own docker client, pointed at it.
on() (
  dir=$work/$1
  shift
  export DOCKER_HOST="unix://$dir/socket" DOCKER_CONFIG="$work/config" PATH="$(cat "$dir/folder"):$PATH"
  "$@"
)

# inside NAME COMMAND…: in the namespaces of the engine's host.
inside() {
  launcher=$(cat "$work/$1/launcher")
  first=$(cat "/proc/$launcher/task/$launcher/children")
  shift
  nsenter --target "${first% }" --net --mount --pid "$@"
}

busybox_image() {
  mkdir -p "$work/root/bin" "$work/root/tmp" "$work/root/etc"
  cp "$(command -v busybox)" "$work/root/bin/busybox"
  for applet in sh sleep cat nslookup echo true; do ln -sf busybox "$work/root/bin/$applet"; done
  tar -C "$work/root" -c . | on "$1" docker import - busybox >/dev/null
}

# wait_for SECONDS WHAT COMMAND…: until it succeeds.
wait_for() {
  deadline=$(($(date +%s) + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$deadline" ] || fail "not in time: $what"
    sleep 0.1
  done
}

# expect WHAT GOT WANTED: prints it, and fails if it is not as stated.
expect() {
  echo "$1: $2"
  [ "$2" = "$3" ] || fail "stated was: $3"
}

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

remove() {
  # The engines, and servers that a script has started beside them.
  for job in $launchers $servers; do kill -KILL "$job" 2>/dev/null && wait "$job" 2>/dev/null || true; done
  # Their processes have ended with the first one of their namespace; the groups are empty a moment later.
  for dir in $(find /sys/fs/cgroup -maxdepth 2 -type d -name "finding-$$"); do
    until find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null; do sleep 0.1; done
  done
  rm -rf "$work"
}
