#!/bin/sh
# Removes the three hosts of up.sh with all that is on them, also when they were left half made.
set -eu
cd "$(dirname "$0")/../.."
for node in node1 node2 node3; do
  if bin/essaim machine ls -q | grep -qx "$node"; then present="${present:-} $node"; fi
done
[ -z "${present:-}" ] || bin/essaim machine rm -f $present
