/** Small whole objects for tests of stores. */

import type { AccessToken, AuditEntry, Session, StackRevision, User } from '../model/accounts.ts';
import type {
  Cluster,
  Config,
  Credential,
  Keepsake,
  Meta,
  Network,
  Node,
  Secret,
  Service,
  Task,
} from '../model/objects.ts';
import type { RegistryKey, RegistrySession } from '../model/registry-objects.ts';

const TIME = '2026-01-02T03:04:05.678Z';

export function meta(id: string): Meta {
  return { ID: id, Version: { Index: 0 }, CreatedAt: TIME, UpdatedAt: TIME };
}

const TLS = { TrustRoot: '', CertIssuerSubject: '', CertIssuerPublicKey: '' };

export function sampleNode(id: string, hostname = id): Node {
  return {
    ...meta(id),
    Spec: { Role: 'worker', Availability: 'active', Labels: {} },
    Description: {
      Hostname: hostname,
      Platform: { Architecture: 'x86_64', OS: 'linux' },
      Resources: { NanoCPUs: 8e9, MemoryBytes: 32e9 },
      Engine: { EngineVersion: '28.2.2', Labels: {}, Plugins: [{ Type: 'Network', Name: 'bridge' }] },
      TLSInfo: TLS,
    },
    Status: { State: 'ready', Addr: '10.0.0.1' },
    internal: {},
  };
}

export function sampleService(id: string, name = id): Service {
  return {
    ...meta(id),
    Spec: {
      Name: name,
      Labels: { team: 'web' },
      TaskTemplate: { ContainerSpec: { Image: 'nginx:1.27', Env: ['A=1', 'B=2'] } },
      Mode: { Replicated: { Replicas: 3 } },
    },
    Endpoint: { Spec: {} },
    internal: { specVersion: 1 },
  };
}

export function sampleTask(id: string, service: Service, changes: Partial<Task> = {}): Task {
  return {
    ...meta(id),
    Labels: {},
    Spec: service.Spec.TaskTemplate!,
    ServiceID: service.ID,
    Slot: 1,
    Status: { Timestamp: TIME, State: 'new', Message: 'created', PortStatus: {} },
    DesiredState: 'running',
    internal: {
      specVersion: service.internal.specVersion,
      service: { Name: service.Spec.Name!, Labels: service.Spec.Labels! },
    },
    ...changes,
  };
}

export function sampleSecret(id: string, data: string): Secret {
  return { ...meta(id), Spec: { Name: id, Data: data }, internal: {} };
}

export function sampleConfig(id: string, data: string): Config {
  return { ...meta(id), Spec: { Name: id, Data: data }, internal: {} };
}

export function sampleCredential(id: string, auth: string): Credential {
  return { ...meta(id), auth, internal: {} };
}

export function sampleNetwork(id: string, name = id): Network {
  return { ...meta(id), Spec: { Name: name, Driver: 'overlay' }, internal: {} };
}

export function sampleCluster(id: string, caKey: string, workerToken: string): Cluster {
  return {
    ...meta(id),
    Spec: { Name: 'default' },
    TLSInfo: TLS,
    RootRotationInProgress: false,
    DefaultAddrPool: ['10.0.0.0/8'],
    SubnetSize: 24,
    DataPathPort: 4789,
    internal: {
      joinTokens: { Worker: workerToken, Manager: 'm' },
      caCert: 'cert',
      caKey,
      oldRoots: [],
      crossSigned: '',
    },
  };
}

export function sampleUser(id: string, password: string): User {
  return { ...meta(id), role: 'deployer', stacks: ['shop'], internal: { password } };
}

export function sampleSession(id: string, user: string): Session {
  return { ...meta(id), user, seenAt: 1, endsAt: 2, address: '10.0.0.9', agent: 'a browser', internal: {} };
}

export function sampleAccessToken(id: string, user: string): AccessToken {
  return { ...meta(id), use: 'api', name: 'ci', user, scope: 'read', endsAt: 2, internal: {} };
}

export function sampleAuditEntry(id: string, actor: string): AuditEntry {
  const request = { method: 'POST', path: '/services/create', status: 201 };
  return { ...meta(id), actor, via: 'session', address: '10.0.0.9', ...request, internal: {} };
}

export function sampleStackRevision(id: string, text: string): StackRevision {
  const files = { 'compose.yaml': text, '.env': 'A=1\n' };
  return { ...meta(id), stack: 'shop', number: 1, files, actor: 'ann', message: '', internal: {} };
}

export function sampleRegistryKey(key: string, value: string): RegistryKey {
  return { ...meta(encodeURIComponent(key)), key, value, flags: 0, lockIndex: 0, internal: {} };
}

export function sampleKeepsake(id: string): Keepsake {
  return { ...meta(id), content: { running: true, container: { Name: '/db' } }, internal: {} };
}

export function sampleRegistrySession(id: string): RegistrySession {
  const times = { ttl: 10_000, renewedAt: 0, lockDelay: 0 };
  return { ...meta(id), name: '', host: 'h', ...times, behavior: 'release', internal: {} };
}
