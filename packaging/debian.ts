/** What a Debian package says of itself, and does when it comes and goes. */

export function debianArchitecture(): string {
  return { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64el', s390x: 's390x' }[process.arch as string] ?? process.arch;
}

/** Files of the folder DEBIAN, by name. @param size of what is installed, in KB */
export function debianControl(version: string, size: number): Record<string, string> {
  return {
    control: `Package: essaim
Version: ${version}
Architecture: ${debianArchitecture()}
Maintainer: The Essaim developers <essaim@localhost>
Installed-Size: ${size}
Section: admin
Priority: optional
Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1, iproute2, iptables, nftables, conntrack, util-linux, mount, procps, docker.io (>= 20.10) | docker-ce (>= 5:20.10)
Recommends: etcd-server, wireguard-tools, wireguard-go | wireguard-dkms
Suggests: openssh-client
Description: container orchestrator that is a drop-in for Docker Swarm
 Turns hosts that run an ordinary Docker Engine into one swarm and keeps the
 declared services running on it. The docker command drives it, unchanged:
 DOCKER_HOST=unix:///run/essaim/docker.sock docker swarm init
`,
    conffiles: '/etc/default/essaim\n',
    postinst: `#!/bin/sh
set -e
# Compiles it once: a daemon that starts takes less memory, and less time.
if [ "$1" = configure ]; then essaim daemon --help >/dev/null || :; fi
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl --system daemon-reload
  # A new version takes over what runs; containers go on.
  if [ -z "$2" ]; then systemctl enable -q essaim; fi
  if systemctl is-enabled -q essaim; then systemctl restart essaim && systemctl start essaim-tasks; fi
fi
`,
    prerm: `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl stop essaim || :
  systemctl disable -q essaim || :
fi
`,
    postrm: `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl --system daemon-reload || :; fi
if [ "$1" = purge ]; then
  # Where contents of secrets lie in memory; gone already if the host has left its swarm.
  umount /var/lib/essaim/daemon/files 2>/dev/null || :
  rm -rf /var/lib/essaim/daemon /var/cache/essaim; rmdir /var/lib/essaim 2>/dev/null || :
fi
`,
  };
}
