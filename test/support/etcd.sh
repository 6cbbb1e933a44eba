#!/bin/sh
# Fetches a newer etcd than the system's from a later suite of Debian and prints the path of its program: for ETCD.
# usage: etcd.sh VERSION     3.5 or 3.6: which suite has it is looked up
# Nothing of the system is changed. What was fetched is kept in ~/.cache/essaim/etcd; remove it to fetch it anew.
set -eu
version=${1:?usage: etcd.sh 3.5|3.6}
case $version in *[!0-9.]*) echo "etcd.sh: \"$version\" is no version, use for example 3.5" >&2; exit 1 ;; esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/essaim/etcd
program=$cache/$version/etcd
if [ ! -e "$program" ]; then
  mkdir -p "$cache"
  # One at a time; whoever comes second finds it done.
  exec 9>"$cache/$version.lock"
  flock 9
fi
if [ -e "$program" ]; then
  echo "$program"
  exit 0
fi
# Only the program's path goes to stdout.
exec 3>&1 >&2
work=$cache/$version.making
fail() { echo "etcd.sh: $*"; exit 1; }
command -v apt-get >/dev/null || fail 'newer etcds come from Debian, and there is no apt-get here'
trap 'rm -rf "$work"' EXIT
rm -rf "$work"
mkdir -p "$work"

# The mirror that this system uses anyhow; its keys check what comes from there.
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/*$' | sort -u | head -n 1)
[ -n "$site" ] || fail 'apt knows no mirror of Debian here'

# apt with the lists of one suite and a state of its own: in_suite SUITE apt-get …
in_suite() {
  state=$work/apt/$1 command=$2
  shift 2
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  "$command" -q -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" -o APT::Sandbox::User=root "$@"
}
# The newest suite first: of a minor version the last release is wanted.
suite= seen=
for candidate in sid forky trixie; do
  mkdir -p "$work/apt/$candidate"
  echo "deb $site $candidate main" >"$work/apt/$candidate/sources.list"
  echo "looking for etcd $version in Debian $candidate"
  in_suite $candidate apt-get update >"$work/log" 2>&1 || { cat "$work/log"; fail "no lists of $candidate"; }
  has=$(in_suite $candidate apt-cache madison etcd-server | cut -d'|' -f2 | tr -d ' ' | head -n 1)
  case $has in "$version".*) suite=$candidate && break ;; esac
  seen="$seen $candidate has $has,"
done
[ -n "$suite" ] || fail "no suite of Debian has etcd $version;${seen%,}"
echo "fetching etcd $has"
(cd "$work" && in_suite $suite apt-get download etcd-server) >"$work/log" 2>&1 ||
  { cat "$work/log"; fail 'the package cannot be fetched'; }
dpkg -x "$work"/*.deb "$work/root"
"$work/root/usr/bin/etcd" --version >"$work/log" 2>&1 || { cat "$work/log"; fail "etcd $has does not run here"; }
mkdir -p "$cache/$version"
# Last: whoever sees it has all of it.
mv "$work/root/usr/bin/etcd" "$program"
echo "$program" >&3
