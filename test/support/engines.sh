#!/bin/sh
# Fetches a newer Docker Engine than the system's, with its client, compose and buildx, from a later suite of Debian, and
# prints the folder with its programs: for `essaim machine create --engine-path`, or in front of PATH. Beside it, ../config
# is the DOCKER_CONFIG with which that client finds compose and buildx.
# usage: engines.sh VERSION     26 or 28: which suite has it is looked up
# Nothing of the system is changed. What was fetched is kept in ~/.cache/essaim/engines; remove it to fetch it anew.
set -eu
version=${1:?usage: engines.sh 26|28}
case $version in *[!0-9]*) echo "engines.sh: \"$version\" is no version, use for example 28" >&2; exit 1 ;; esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/essaim/engines
root=$cache/$version
# Written last: whatever is there without it was interrupted.
complete=$root/complete
if [ ! -e "$complete" ]; then
  mkdir -p "$cache"
  # One at a time; whoever comes second finds it done.
  exec 9>"$cache/$version.lock"
  flock 9
fi
if [ -e "$complete" ]; then
  echo "$root/bin"
  exit 0
fi
# Only the folder's name goes to stdout.
exec 3>&1 >&2
fail() { echo "engines.sh: $*"; exit 1; }
command -v apt-get >/dev/null || fail 'newer engines come from Debian, and there is no apt-get here'
trap '[ -e "$complete" ] || rm -rf "$root"' EXIT
rm -rf "$root"
mkdir -p "$root/bin" "$root/lib" "$root/config" "$root/deb"

# The mirror that this system uses anyhow; its keys check what comes from there.
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep '/debian/*$' | sort -u | head -n 1)
[ -n "$site" ] || fail 'apt knows no mirror of Debian here'

# apt with the lists of one suite and a state of its own: in_suite SUITE apt-get …
in_suite() {
  state=$root/apt/$1 program=$2
  shift 2
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  "$program" -q -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" -o APT::Sandbox::User=root "$@"
}
has_engine() { in_suite "$1" apt-cache madison docker.io | grep -q "| *$version\."; }
suite= seen=
for candidate in trixie forky sid; do
  mkdir -p "$root/apt/$candidate"
  echo "deb $site $candidate main" >"$root/apt/$candidate/sources.list"
  echo "looking for Docker Engine $version in Debian $candidate"
  in_suite $candidate apt-get update >"$root/apt/log" 2>&1 || { cat "$root/apt/log"; fail "no lists of $candidate"; }
  if has_engine $candidate; then suite=$candidate && break; fi
  seen="$seen $candidate has$(in_suite $candidate apt-cache madison docker.io | cut -d'|' -f2 | head -n 1)"
done
[ -n "$suite" ] || fail "no suite of Debian has Docker Engine $version;$seen"

# The static init is a package of its own in later suites.
init=tini
[ -z "$(in_suite $suite apt-cache madison tini-static)" ] || init=tini-static
echo "fetching Docker Engine $version"
(
  cd "$root/deb"
  in_suite $suite apt-get download docker.io docker-cli docker-compose docker-buildx containerd runc $init libc6 libseccomp2
  # Of the system's own suite, as it runs here.
  apt-get -q download patchelf || { apt-get -q update && apt-get -q download patchelf; }
) >"$root/log" 2>&1 || { cat "$root/log"; fail 'the packages cannot be fetched'; }
for package in "$root"/deb/*.deb; do dpkg -x "$package" "$root/root"; done
for program in containerd containerd-shim-runc-v2 docker ctr tini-static dockerd docker-proxy runc; do
  for folder in bin sbin; do
    [ ! -e "$root/root/usr/$folder/$program" ] || mv "$root/root/usr/$folder/$program" "$root/bin/"
  done
done
# It is copied into containers, which have no libraries.
ln -s tini-static "$root/bin/docker-init"

# runc alone wants a newer C library than the system's. A program that calls the loader would not do: runc starts itself
# again by /proc/self/exe.
for library in ld-linux*.so.* libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 'libseccomp.so.2*'; do
  cp -a "$root"/root/usr/lib/*-linux-gnu*/$library "$root/lib/"
done
"$root/root/usr/bin/patchelf" --set-interpreter "$(echo "$root"/lib/ld-linux*)" --set-rpath "$root/lib" "$root/bin/runc"

mv "$root/root/usr/libexec/docker/cli-plugins" "$root/cli-plugins"
echo "{\"cliPluginsExtraDirs\":[\"$root/cli-plugins\"]}" >"$root/config/config.json"
rm -rf "$root/root" "$root/deb" "$root/apt"
for check in 'dockerd --version' 'containerd --version' 'runc --version' 'docker compose version' 'docker buildx version'; do
  DOCKER_CONFIG=$root/config "$root"/bin/$check >"$root/log" 2>&1 || { cat "$root/log"; fail "$check does not run here"; }
done
touch "$complete"
echo "$root/bin" >&3
