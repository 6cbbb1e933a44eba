# The first process of a lab host: makes the mounts its own, tells who it is, then reaps the host's orphans.
# usage: sh init.sh DIRECTORY NAME     in fresh mount, UTS and pid namespaces and the host's network namespace
set -eu
directory=$1 name=$2

# Seen from the root namespace, through the /proc that is about to be replaced.
read -r self _ </proc/self/stat
started=$(cut -d' ' -f22 "/proc/$self/stat")

mount --make-rprivate /
echo "$name" >/proc/sys/kernel/hostname
mount -t proc proc /proc

# /sys must show this network namespace; the control groups are kept.
mount --rbind /sys/fs/cgroup "$directory/mnt"
mount -t sysfs sysfs /sys
mount --rbind "$directory/mnt" /sys/fs/cgroup
umount --recursive --lazy "$directory/mnt"
# Where AppArmor is on, the engine loads its profile through it.
[ ! -d /sys/kernel/security ] || mount -t securityfs securityfs /sys/kernel/security 2>/dev/null || true

# Let go of what the root namespace mounts below /run, then take a /run of our own.
cut -d' ' -f2 /proc/self/mounts | grep '^/run/' | sort -r | while read -r path; do umount --lazy "$path" || true; done
mount --bind "$directory/run" /run
mkdir -p /run/lock

for file in resolv.conf hosts hostname; do
  target=$(readlink -m "/etc/$file")
  case $target in
    /run/*) mkdir -p "$(dirname "$target")" && cp "$directory/etc/$file" "$target" ;;
    *) [ ! -e "$target" ] || mount --bind "$directory/etc/$file" "$target" ;;
  esac
done
mkdir -p /etc/docker
mount --bind "$directory/etc/docker" /etc/docker
# As on a host that systemd started: volumes may share their mounts.
mount --make-rshared /

echo "$self $started" >"$directory/init.new"
mv "$directory/init.new" "$directory/init"
cd /
# A shell that waits for one child that never ends takes care of every orphan.
sleep infinity &
wait
