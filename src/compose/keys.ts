/** The keys of compose files: those that a swarm knows, and those that do nothing in one, with what does instead. */

export const TOP = new Set(['version', 'name', 'services', 'networks', 'volumes', 'secrets', 'configs']);

export const SERVICE = new Set([
  ...[
    'image',
    'command',
    'entrypoint',
    'environment',
    'env_file',
    'labels',
    'hostname',
    'user',
    'working_dir',
  ],
  ...[
    'ports',
    'networks',
    'volumes',
    'configs',
    'secrets',
    'deploy',
    'healthcheck',
    'logging',
    'extra_hosts',
  ],
  ...[
    'dns',
    'dns_search',
    'dns_opt',
    'stop_grace_period',
    'stop_signal',
    'tty',
    'stdin_open',
    'read_only',
    'init',
  ],
  ...[
    'cap_add',
    'cap_drop',
    'sysctls',
    'ulimits',
    'tmpfs',
    'isolation',
    'credential_spec',
    'depends_on',
    'group_add',
  ],
]);

export const DEPLOY = new Set([
  ...[
    'mode',
    'replicas',
    'labels',
    'update_config',
    'rollback_config',
    'resources',
    'restart_policy',
    'placement',
  ],
  ...['endpoint_mode'],
]);

/** What has no effect, and why or what has it instead. */
export const WITHOUT_EFFECT: ReadonlyMap<string, string> = new Map([
  ['build', 'a swarm runs images that are built already: build it, push it, and name it with image'],
  ['container_name', 'the containers of a service are named by it: web.1, web.2'],
  ['expose', 'services on the same network reach each other on every port'],
  ['links', 'services on the same network reach each other by their names'],
  ['external_links', 'services on the same network reach each other by their names'],
  ['restart', 'use deploy.restart_policy'],
  ['cgroup_parent', 'a swarm has no such setting'],
  [
    'devices',
    'a swarm has no such setting; generic resources (deploy.resources.reservations.generic_resources) count devices',
  ],
  ['domainname', 'use hostname with the whole name'],
  ['ipc', 'a swarm has no such setting'],
  ['mac_address', 'a swarm gives addresses itself'],
  ['network_mode', 'use networks; the host’s own network is networks: {host: {external: true, name: host}}'],
  ['pid', 'a swarm has no such setting'],
  ['privileged', 'a swarm has no such setting; cap_add adds single capabilities'],
  ['security_opt', 'a swarm has no such setting'],
  ['shm_size', 'mount a tmpfs at /dev/shm of the size that is needed'],
  ['userns_mode', 'a swarm has no such setting'],
  ['pull_policy', 'a host pulls an image that it does not have'],
  ['platform', 'use deploy.placement.constraints: [node.platform.arch == …]'],
  ['profiles', 'all services of the file are deployed'],
  ['develop', 'it is for docker compose watch'],
  ['scale', 'use deploy.replicas'],
  ['cpus', 'use deploy.resources.limits.cpus'],
  ['cpu_count', 'use deploy.resources.limits.cpus'],
  ['mem_reservation', 'use deploy.resources.reservations.memory'],
  ['pids_limit', 'use deploy.resources.limits.pids'],
]);

/** What Docker refuses to deploy, and what to write instead. */
export const REFUSED: ReadonlyMap<string, string> = new Map([
  ['extends', 'write the service out, or use an anchor (<<: *name)'],
  ['volume_driver', 'set the driver of the volume under volumes'],
  ['volumes_from', 'name the same volume in both services'],
  ['cpu_quota', 'use deploy.resources.limits.cpus'],
  ['cpu_shares', 'use deploy.resources.reservations.cpus'],
  ['cpuset', 'use deploy.resources.limits.cpus'],
  ['mem_limit', 'use deploy.resources.limits.memory'],
  ['memswap_limit', 'use deploy.resources.limits.memory'],
]);
