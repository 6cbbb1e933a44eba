#!/bin/sh
# Debian's Prometheus does not know consul_sd_configs: the package is built without it ("Disable Consul SD until its Debian
# package is back in shape", in its changelog), and says that there is no such field. dns_sd_configs and dockerswarm_sd_configs
# are there. Debian 11's 2.24.1 knows it, Debian 13's 2.53.3 does not. Exits with 0 while that is so.
set -eu
version=$(dpkg-query -W -f '${Version}' prometheus)
[ "$version" = 2.42.0+ds-5+deb12u1 ] || echo "tried on 2.42.0+ds-5+deb12u1, not $version"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/prometheus.yml" <<'END'
scrape_configs:
- job_name: registry
  consul_sd_configs: [{server: 'localhost:8500'}]
END
if said=$(promtool check config "$folder/prometheus.yml" 2>&1); then
  echo 'It knows them now'
  exit 1
fi
echo "$said"
echo "$said" | grep -q 'field consul_sd_configs not found'
