# Becomes a program that belongs to a host: joins the host's control groups, notes which process it is.
# usage: sh launch.sh GROUPS IDENTITY_FILE PROGRAM [ARGUMENT...]     IDENTITY_FILE may be empty
set -eu
groups=$1 identity=$2
shift 2
for group in $groups; do echo $$ >"$group/cgroup.procs"; done
if [ -n "$identity" ]; then
  echo "$$ $(cut -d' ' -f22 /proc/$$/stat)" >"$identity.new"
  mv "$identity.new" "$identity"
fi
# Not the caller's habits: what a service manager gives to an engine, and through it to containers.
umask 022
ulimit -n 1048576 2>/dev/null || ulimit -S -n "$(ulimit -H -n)"
exec "$@"
