# The first process of a server for tests: its own root tree, devices, control groups; then an init system, or a shell's.
# usage: sh server.sh DIRECTORY NAME systemd|openrc|plain LOWER     in fresh mount, UTS, pid, IPC and cgroup namespaces
set -eu
directory=$1 name=$2 init=$3 lower=$4
root=$directory/root
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$directory/upper,workdir=$directory/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/net" "$root/dev/pts" "$root/dev/shm"
for device in null zero full random urandom tty net/tun; do
  [ -e "/dev/$device" ] || continue
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  sed -n 's/^[^ ]* \/sys\/fs\/cgroup\/\([^ ]*\) cgroup .*/\1/p' /proc/mounts | while read -r tree; do
    mkdir "$root/sys/fs/cgroup/$tree"
    case $tree in systemd) options=none,name=systemd ;; *) options=$tree ;; esac
    mount -t cgroup -o "$options" cgroup "$root/sys/fs/cgroup/$tree"
  done
fi
# An engine cannot keep its layers on a file system made of layers.
for data in docker containerd; do
  mkdir -p "$root/var/lib/$data"
  mount --bind "$directory/$data" "$root/var/lib/$data"
done
echo "$name" >/proc/sys/kernel/hostname
echo "$name" >"$root/etc/hostname"
cat /etc/resolv.conf >"$root/etc/resolv.conf"
mkdir -p "$root/.old"
cd "$root"
pivot_root . .old
mount --make-rshared /
umount -l /.old
rmdir /.old
environment='env -i container=essaim-test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
case $init in
  systemd) exec $environment /lib/systemd/systemd --show-status=0 ;;
  openrc) exec $environment /sbin/openrc-init ;;
esac
mkdir -p /run/sshd
exec $environment sh -c '/usr/sbin/sshd; sleep infinity & wait'
