#!/bin/sh
# A read-only bind (`docker run -v DIR:/x:ro`) of a folder on a file system that is mounted noexec, as /run and /tmp often
# are, and a program in it.
#
# One would guess: `:ro` says that nothing can be written there. Whether programs can be run is as without it, and the same
# on every engine.
# What happens: on 20.10.24 they cannot be run without `:ro`, and can with it; on 28.5.2 in neither case.
# (To make the mount read-only the older engine mounts it once more with that flag alone, which takes noexec off. From 25 on
# read-only binds are made so recursively, and keep what else the source has.) What a user meets: a script in a read-only
# bind that ran for years is `permission denied` after an update of the engine, without a word about mounts.
#
#   20.10.24 read-write: permission denied
#   20.10.24 read-only: ran
#   28.5.2 read-write: permission denied
#   28.5.2 read-only: permission denied
. "$(dirname "$0")/engine.sh"

# run ENGINE VOLUME: what a program there says, or why it does not run.
run() { on "$1" docker run --rm -v "$2" busybox /x/program 2>&1 | grep -o -m 1 -e '^ran$' -e 'permission denied'; }

for version in 20.10.24 28.5.2; do
  start engine $version
  inside engine sh -c 'mkdir -p /mnt && mount -t tmpfs -o noexec,mode=755 tmpfs /mnt
    printf "#!/bin/sh\necho ran\n" >/mnt/program && chmod 755 /mnt/program'
  case $version in 20.10.24) read_only=ran ;; *) read_only='permission denied' ;; esac
  expect "$version read-write" "$(run engine /mnt:/x)" 'permission denied'
  expect "$version read-only" "$(run engine /mnt:/x:ro)" "$read_only"
  discard engine
done
