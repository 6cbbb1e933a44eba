#!/bin/sh
# Installs the system packages that lab hosts and their tests need, those that are missing; and what the arguments ask for
# besides: PROGRAM PACKAGE …
set -eu
missing=
need() { # PROGRAM-OR-FILE PACKAGE
  [ -e "$1" ] || PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$1" >/dev/null || missing="$missing $2"
}
need dockerd docker.io
need iptables iptables
need nft nftables
need conntrack conntrack
need ip iproute2
need busybox busybox-static
# Encrypted networks, where the kernel has no WireGuard.
need wg wireguard-tools
need wireguard-go wireguard-go
while [ $# -gt 0 ]; do
  need "$1" "$2"
  shift 2
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
  echo "Please install:$missing (there is no apt-get here that could do it)" >&2
  exit 1
fi
echo "Installing$missing"
export DEBIAN_FRONTEND=noninteractive
# Hosts run engines of their own: the package's is not started.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
# The lists of packages may be old, or not there at all.
apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || {
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
