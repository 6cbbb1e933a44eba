#!/bin/sh
# Fetches the Prometheus of Debian 11 and prints the path of its program: the last one of Debian's that knows consul_sd_configs.
# Nothing of the system is changed. What was fetched is kept in ~/.cache/essaim/prometheus; remove it to fetch it anew.
set -eu
suite=bullseye
cache=${XDG_CACHE_HOME:-$HOME/.cache}/essaim/prometheus
program=$cache/prometheus
mkdir -p "$cache"
# One at a time; whoever comes second finds it done.
exec 9>"$cache/lock"
flock 9
if [ -e "$program" ]; then
  echo "$program"
  exit 0
fi
# Only the program's path goes to stdout.
exec 3>&1 >&2
work=$cache/making
fail() { echo "prometheus.sh: $*"; exit 1; }
command -v apt-get >/dev/null || fail 'it comes from Debian, and there is no apt-get here'
trap 'rm -rf "$work"' EXIT
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"

# The mirror that this system uses anyhow; its keys check what comes from there.
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/*$' | sort -u | head -n 1)
[ -n "$site" ] || fail 'apt knows no mirror of Debian here'
echo "deb $site $suite main" >"$work/sources.list"
in_suite() {
  apt-get -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::Lists="$work/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}
in_suite update >"$work/log" 2>&1 || { cat "$work/log"; fail "no lists of $suite"; }
(cd "$work" && in_suite download prometheus) >"$work/log" 2>&1 || { cat "$work/log"; fail 'the package cannot be fetched'; }
dpkg -x "$work"/*.deb "$work/root"
"$work/root/usr/bin/prometheus" --version >"$work/log" 2>&1 || { cat "$work/log"; fail 'it does not run here'; }
# Last: whoever sees it has all of it.
mv "$work/root/usr/bin/prometheus" "$program"
echo "$program" >&3
