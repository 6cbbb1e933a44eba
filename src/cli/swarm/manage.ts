/** `swarm manage`: the cluster's options read from its flags. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { type Listening, Manager } from '../../classic/manager.ts';
import { filtersNamed } from '../../classic/rules/schedule.ts';
import { STRATEGIES } from '../../classic/rules/strategy.ts';
import type { EndpointTls } from '../../classic/server.ts';
import { findDiscovery } from '../../discovery/parse.ts';
import type { Logger } from '../../fleet/contract.ts';
import { FlagError, type Values } from './flags.ts';
import { checkAddress, discoveryOptions } from './shared.ts';

/** Runs until the signal ends it. @throws FlagError, DiscoveryError, or why it cannot serve */
export async function manage(values: Values, url: string, log: Logger, signal: AbortSignal): Promise<void> {
  const tls = tlsOf(values);
  const timing = timingOf(values);
  if (values.text('cluster-driver') !== 'swarm') {
    throw new FlagError(`unsupported cluster "${values.text('cluster-driver')}"`);
  }
  const heartbeat = values.duration('heartbeat');
  if (heartbeat < 1) throw new FlagError('--heartbeat should be at least one second');
  const failed = (error: Error): void => log.error({}, `Discovery error: ${error.message}`);
  const options = { heartbeat, options: discoveryOptions(values), failed };
  const { discovery, election, shelf } = findDiscovery(url, options);
  const strategy = values.text('strategy');
  if (!Object.hasOwn(STRATEGIES, strategy)) throw new FlagError('strategy not supported');
  const scheduling = { strategy, filters: filtersNamed(values.list('filter')) };
  const replication = values.bool('replication') ? replicationOf(values) : undefined;
  if (replication && !election) {
    throw new FlagError('Leader election is only supported with consul, etcd and zookeeper discovery.');
  }
  const manager = new Manager({
    ...{ discovery, scheduling, timing, log, ...clusterOptions(values, log) },
    ...(tls && { tls }),
    ...(shelf && { shelf }),
    ...(replication && election && { replication: { ...replication, election } }),
    cors: values.bool('api-enable-cors'),
  });
  const hosts = values.list('host').map(listening);
  for (const { unix } of hosts) if (unix) await mkdir(dirname(unix), { recursive: true });
  await manager.start(hosts);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await manager.close();
}

/** @throws FlagError */
export function listening(text: string): Listening {
  const [, scheme = 'tcp', rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/s.exec(text)!;
  if (scheme === 'unix') return { unix: rest };
  const at = rest.lastIndexOf(':');
  const [host, port] = [rest.slice(0, at).replace(/^\[(.*)\]$/, '$1'), Number(rest.slice(at + 1))];
  if (
    scheme !== 'tcp' ||
    at < 0 ||
    !Number.isInteger(port) ||
    port < 0 ||
    port > 65_535 ||
    rest.endsWith(':')
  ) {
    throw new FlagError(`cannot listen on ${text}: give tcp://ADDRESS:PORT or unix:///PATH`);
  }
  // Without a host all addresses are meant, of both families where there are both.
  return { tcp: { host, port } };
}

function timingOf(values: Values): { refreshMin: number; refreshMax: number; failureRetry: number } {
  const refreshMin = values.duration('engine-refresh-min-interval') * 1000;
  const refreshMax = values.duration('engine-refresh-max-interval') * 1000;
  if (refreshMin <= 0) throw new FlagError('min refresh interval should be a positive number');
  if (refreshMax < refreshMin) {
    throw new FlagError('max refresh interval cannot be less than min refresh interval');
  }
  if (values.integer('engine-refresh-retry') !== 3) {
    throw new FlagError('--engine-refresh-retry is deprecated. Use --engine-failure-retry');
  }
  const failureRetry = values.integer('engine-failure-retry');
  if (failureRetry <= 0) throw new FlagError('invalid failure retry count');
  return { refreshMin, refreshMax, failureRetry };
}

function clusterOptions(values: Values, log: Logger): { overcommit: number; createRetries: number } {
  let [overcommit, createRetries] = [0.05, 0];
  for (const option of values.list('cluster-opt')) {
    const [name, value = ''] = option.split('=', 2);
    const number = Number(value);
    if (value === '' || Number.isNaN(number))
      throw new FlagError(`invalid value of --cluster-opt ${option}: a number is expected`);
    if (name === 'swarm.overcommit') overcommit = number;
    else if (name === 'swarm.createretry') createRetries = number;
    else log.warn({}, `--cluster-opt ${option}: there is no such option`);
  }
  if (overcommit <= -1) {
    throw new FlagError(`swarm.overcommit should be larger than -1, ${overcommit.toFixed(6)} is invalid`);
  }
  if (overcommit < 0)
    log.warn({}, `-1 < swarm.overcommit < 0 will make swarm take less resource than docker engine offers`);
  if (!Number.isInteger(createRetries) || createRetries < 0) {
    throw new FlagError(
      `swarm.createretry can not be negative, ${createRetries} is invalid: give a whole number`,
    );
  }
  return { overcommit: Math.trunc(overcommit * 100 + 1e-9 * Math.sign(overcommit)), createRetries };
}

function replicationOf(values: Values): { address: string; ttl: number } {
  const address = values.text('advertise');
  if (address === '')
    throw new FlagError('--advertise address must be provided when using --leader-election');
  if (!checkAddress(address))
    throw new FlagError('--advertise should be of the form ip:port or hostname:port');
  const ttl = values.duration('replication-ttl');
  if (ttl <= 0) throw new FlagError('--replication-ttl should be a positive number');
  return { address, ttl };
}

function tlsOf(values: Values): EndpointTls | undefined {
  const verify = values.bool('tlsverify');
  const [ca, cert, key] = ['tlscacert', 'tlscert', 'tlskey'].map((name) => values.text(name));
  if (!values.bool('tls') && !verify) {
    if (!ca && !cert && !key) return undefined;
    throw new FlagError('--tlscert, --tlskey and --tlscacert require the use of either --tls or --tlsverify');
  }
  if (!cert || !key) throw new FlagError('--tlscert and --tlskey must be provided when using --tls');
  if (verify && !ca) throw new FlagError('--tlscacert must be provided when using --tlsverify');
  const tls = { cert: read(cert), key: read(key), ...(verify && { ca: read(ca!) }) };
  try {
    createSecureContext({ cert: tls.cert, key: tls.key });
  } catch (error) {
    throw new FlagError(
      `Couldn't load X509 key pair (${cert}, ${key}): ${(error as Error).message}. Key encrypted?`,
    );
  }
  try {
    if (tls.ca !== undefined) new X509Certificate(tls.ca);
  } catch (error) {
    throw new FlagError(`Couldn't read CA certificate ${ca}: ${(error as Error).message}`);
  }
  return tls;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new FlagError(`cannot read ${file}: ${(error as Error).message}`);
  }
}
