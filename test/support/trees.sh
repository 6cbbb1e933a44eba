#!/bin/sh
# Makes the root trees of servers for tests in ~/.cache/essaim/trees, where they are not there yet: `bare` has Debian with systemd
# and sshd, `engine` is what Docker Engine adds to that. Prints the folder.
# usage: trees.sh [openrc]     also makes `openrc`, Debian with OpenRC instead of systemd
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/essaim/trees
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
suite=bookworm
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
bootstrap() { # TREE PACKAGES
  [ ! -d "$cache/$1" ] || return 0
  rm -rf "$cache/$1.part"
  packages=$2,openssh-server,sudo,iproute2,ca-certificates,procps,kmod
  debootstrap --variant=minbase --include=$packages "$suite" "$cache/$1.part" "$mirror" >"$cache/$1.log" 2>&1 || {
    tail -n 20 "$cache/$1.log" >&2
    exit 1
  }
  # Hosts have keys of their own.
  rm -f "$cache/$1.part"/etc/ssh/ssh_host_*
  mv "$cache/$1.part" "$cache/$1"
}
bootstrap bare systemd,systemd-sysv,dbus
[ "${1-}" != openrc ] || bootstrap openrc openrc
if [ ! -d "$cache/engine" ]; then
  work=$cache/engine.work
  rm -rf "$work" && mkdir -p "$work/upper" "$work/work" "$work/root"
  mount -t overlay overlay -o "lowerdir=$cache/bare,upperdir=$work/upper,workdir=$work/work" "$work/root"
  trap 'umount -l "$work/root/proc" "$work/root" 2>/dev/null || :' EXIT
  mount -t proc proc "$work/root/proc"
  cat /etc/resolv.conf >"$work/root/etc/resolv.conf"
  printf '#!/bin/sh\nexit 101\n' >"$work/root/usr/sbin/policy-rc.d"
  chmod +x "$work/root/usr/sbin/policy-rc.d"
  chroot "$work/root" sh -ec 'export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends docker.io iptables nftables conntrack
    apt-get clean' >"$cache/engine.log" 2>&1 || { tail -n 20 "$cache/engine.log" >&2; exit 1; }
  rm "$work/root/usr/sbin/policy-rc.d"
  umount -l "$work/root/proc" "$work/root"
  trap - EXIT
  mv "$work/upper" "$cache/engine"
  rm -rf "$work"
fi
echo "$cache"
