# etcd for the findings, of the versions that were tried. To be sourced.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d /var/tmp/finding-XXXXXX)
members=
trap 'remove' EXIT
trap 'exit 130' INT TERM

remove() {
  stop
  rm -rf "$work"
}

# Ends what was started.
stop() {
  for pid in $members; do
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  members=
}

# program VERSION: its path. Fails if it is another version than was tried.
program() {
  case $1 in 3.4*) etcd=$(command -v etcd) ;; *) etcd=$(test/support/etcd.sh "${1%.*}") ;; esac
  case $("$etcd" --version) in *"etcd Version: $1"*) ;; *) fail "tried with $1, at hand is another etcd: try it anew" ;; esac
}

# start NAME PORT OPTION…: a member of that version, with clients at 127.0.0.1:PORT and other members at PORT+1.
start() {
  name=$1 port=$2
  shift 2
  "$etcd" --name "$name" --data-dir "$work/$name" --logger=zap --log-outputs=stderr \
    --listen-client-urls "http://127.0.0.1:$port" --advertise-client-urls "http://127.0.0.1:$port" "$@" >>"$work/log" 2>&1 &
  members="$members $!"
}

# wait_for SECONDS WHAT COMMAND…
wait_for() {
  end=$(($(date +%s) + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$end" ] || fail "$what: waited in vain; $(tail -n 3 "$work/log")"
    sleep 0.2
  done
}

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# expect WHAT SEEN STATED
expect() {
  echo "$1: $2"
  [ "$2" = "$3" ] || fail "not as stated: $1 was to be $3"
}

# status PORT: what a member says of itself, within two seconds.
status() { curl -s -m 2 -X POST -d '{}' "http://127.0.0.1:$1/v3/maintenance/status"; }
# field NAME: a number in that answer.
field() { sed -n "s/.*\"$1\":\"\([0-9]*\)\".*/\1/p"; }
# call PORT METHOD JSON
call() { curl -s -m 20 -X POST -d "$3" "http://127.0.0.1:$1/v3/kv/$2"; }
