import { API_PORT, CLUSTER_PORT, type Machine } from './driver.ts';

/** What the daemon of a machine is told besides its sockets. @param tls folder of the host's certificates, there */
export function daemonFlags({ address, swarm, daemonOptions = [] }: Machine, tls: string): string[] {
  const any = address.includes(':') ? '[::]' : '0.0.0.0';
  return [
    ...['--host', `tcp://${any}:${API_PORT}`, '--cluster-host', `tcp://${any}:${CLUSTER_PORT}`],
    ...[
      '--tlscacert',
      `${tls}/ca.pem`,
      '--tlscert',
      `${tls}/server.pem`,
      '--tlskey',
      `${tls}/server-key.pem`,
    ],
    ...(swarm?.discovery
      ? ['--discovery', swarm.discovery, '--discovery-advertise', `${address}:${API_PORT}`]
      : []),
    ...daemonOptions.map((option) => `--${option}`),
    ...(swarm && swarm.strategy !== 'spread' ? ['--cluster-strategy', swarm.strategy] : []),
  ];
}
