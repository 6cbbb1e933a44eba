# Says what a host is and has, one KEY=VALUE a line; changes nothing.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
say() { printf '%s=%s\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }

say system "$(uname -s)"
say machine "$(uname -m)"
say kernel "$(uname -r)"
say uid "$(id -u)"
say clock "$(date +%s)"
[ "$(uname -s)" = Linux ] || exit 0
[ -r /etc/os-release ] && say distribution "$(. /etc/os-release; echo "$PRETTY_NAME")"
if (ldd --version 2>&1 || :) | grep -qi musl; then say libc musl; else say libc glibc; fi
for manager in apt-get dnf zypper apk pacman; do
  if has "$manager"; then say packages "$manager"; break; fi
done
if [ -d /run/systemd/system ]; then say init systemd
elif has rc-service && [ -d /run/openrc ]; then say init openrc
else say init none; fi
for program in dockerd containerd docker ip iptables nft conntrack nsenter mount sysctl tar gzip; do
  has "$program" || say missing "$program"
done
say free "$(df -Pm /opt 2>/dev/null | awk 'NR == 2 { print $4 }')"
say engine_free "$(df -Pm /var/lib 2>/dev/null | awk 'NR == 2 { print $4 }')"
say memory "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)"
if has node; then say node "$(node --version 2>/dev/null)"; fi

# The kernel's features are tried in a namespace that ends with the trial; what only modules can tell is asked of modprobe.
feature() { # NAME MODULE COMMAND
  if has unshare && has ip; then
    unshare --net sh -c "$3" >/dev/null 2>&1 && return
    has modprobe && modprobe -q "$2" 2>/dev/null && unshare --net sh -c "$3" >/dev/null 2>&1 && return
    say lacks "$1 (module $2)"
  else
    [ -d "/sys/module/$2" ] || { has modprobe && modprobe -n -q "$2" 2>/dev/null; } || say doubt "$1 (module $2)"
  fi
}
feature bridges bridge 'ip link add t0 type bridge'
feature 'virtual cables' veth 'ip link add t1 type veth peer name t2'
feature VXLAN vxlan 'ip link add t3 type vxlan id 1 dstport 4789 local 127.0.0.1'
grep -q '[[:space:]]overlay$' /proc/filesystems || { has modprobe && modprobe -q overlay 2>/dev/null; } ||
  say lacks 'overlay file system (module overlay)'
[ -n "$(ls /sys/fs/cgroup 2>/dev/null)" ] || say lacks 'control groups at /sys/fs/cgroup'

# Ports that somebody listens on: the second field of the kernel's tables, state 0A. Essaim's own are no obstacle.
listening() { cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { sub(/.*:/, "", $2); print $2 }' | sort -u; }
ours=no
if [ -S /run/essaim/docker.sock ] && grep -q ':\?/run/essaim/docker.sock$' /proc/net/unix; then ours=yes; fi
for port in "$@"; do
  if listening | grep -qix "$(printf %04X "$port")"; then
    owner=
    has ss && owner=$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (process \2)/p' | head -n 1)
    say taken "$port $owner"
  fi
done
say serving "$ours"

# The engine that is there, and what runs on it.
if [ -S /var/run/docker.sock ] && has docker; then
  engine=$(docker -H unix:///var/run/docker.sock info --format '{{.ServerVersion}} {{.ContainersRunning}} {{.Swarm.LocalNodeState}} {{.LiveRestoreEnabled}}' 2>/dev/null) && say engine "$engine"
fi
has docker && say client "$(docker --version 2>/dev/null)"
# What Essaim is there already: ours, or by a package.
[ -r /opt/essaim/release ] && say release "$(cat /opt/essaim/release)"
[ -r /etc/essaim/tls/ca.pem ] && say authority "$(tr -d '\n' </etc/essaim/tls/ca.pem)"
if [ ! -e /opt/essaim/release ]; then
  for unit in /lib/systemd/system/essaim.service /usr/lib/systemd/system/essaim.service /etc/systemd/system/essaim.service; do
    [ -e "$unit" ] && { say foreign "$unit"; break; }
  done
fi
[ -e /etc/docker/daemon.json ] && say daemon_json "$(tr -d '\n' </etc/docker/daemon.json)"
exit 0
