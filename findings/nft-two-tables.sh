#!/bin/sh
# Two tables that are listed by one run of nft.
#
# One would guess: several commands in one run, with semicolons between them, do what they do one by one; a run is cheaper than
# two, and its commands are one transaction.
# What happens with nftables 1.0.6: of two `list table` for tables that are there, one fails with "No such file or directory",
# and nothing at all is printed. What the kernel has is read for the run as a whole, and only that one table of which a command spoke
# last. Who takes a checksum of the output to see changes, and allows for a table that is not there, sees none from then on.
#
#   one by one: 2 tables
#   in one run: 0 tables, No such file or directory
set -eu
version=$(dpkg-query -W -f '${Version}' nftables)
[ "$version" = 1.0.6-2+deb12u2 ] || echo "tried on 1.0.6-2+deb12u2, not $version"
said=$(unshare -n sh -c '
  nft add table inet first
  nft add table bridge second
  { nft list table inet first; nft list table bridge second; } | grep -c ^table
  nft "list table inet first; list table bridge second" 2>&1 || true')
echo "$said"
[ "$(echo "$said" | head -n 1)" = 2 ]
! echo "$said" | grep -q ^table
echo "$said" | grep -q 'No such file or directory'
