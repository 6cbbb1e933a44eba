/** What requests on the cluster port must look like: a node's word is not taken for more than that. */
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { GenericResource, Platform, PortConfig } from '../../model/spec.ts';
import { TASK_STATES } from '../../model/task-state.ts';
import { TUNNEL_KEY } from '../../model/tunnel.ts';

const opt = Type.Optional;
const labels = Type.Record(Type.String(), Type.String());

const TLSInfo = Type.Object({
  TrustRoot: Type.String(),
  CertIssuerSubject: Type.String(),
  CertIssuerPublicKey: Type.String(),
});

const Description = Type.Object({
  Hostname: Type.String(),
  Platform,
  Resources: Type.Object({
    NanoCPUs: Type.Number(),
    MemoryBytes: Type.Number(),
    GenericResources: opt(Type.Array(GenericResource)),
  }),
  Engine: Type.Object({
    EngineVersion: Type.String(),
    Labels: labels,
    Plugins: Type.Array(Type.Object({ Type: Type.String(), Name: Type.String() })),
  }),
  TLSInfo,
  Routes: opt(Type.Array(Type.String())),
  Etcd: opt(Type.String()),
});

const Status = Type.Object({
  Timestamp: Type.String(),
  State: Type.Union(TASK_STATES.map((state) => Type.Literal(state))),
  Message: Type.String(),
  Err: opt(Type.String()),
  ContainerStatus: opt(
    Type.Object({ ContainerID: Type.String(), PID: Type.Number(), ExitCode: Type.Number() }),
  ),
  PortStatus: Type.Object({ Ports: opt(Type.Array(PortConfig)) }),
});

export const issueRequest = Compile(
  Type.Object({
    csr: Type.String(),
    token: Type.String(),
    availability: opt(Type.String()),
    addr: opt(Type.String()),
    etcd: opt(Type.String()),
  }),
);
export const managerJoin = Compile(Type.Object({ csr: Type.String(), address: Type.String() }));
export const managerReady = Compile(Type.Object({ addr: Type.String() }));
export const renewRequest = Compile(Type.Object({ csr: Type.String() }));
const HostDescription = Type.Intersect([Description, Type.Object({ EngineAway: opt(Type.Literal(true)) })]);
export const sessionRequest = Compile(
  Type.Object({
    description: HostDescription,
    addr: opt(Type.String()),
    dataPathAddr: opt(Type.String()),
    tunnelKey: opt(Type.String({ pattern: TUNNEL_KEY.source })),
  }),
);
export const networksApplied = Compile(
  Type.Object({ revision: Type.Integer(), failed: opt(Type.Literal(true)) }),
);
export const attachRequest = Compile(
  Type.Object({
    id: Type.String({ pattern: '^[a-z0-9]{25}$' }),
    network: Type.String(),
    addresses: Type.Array(Type.String(), { maxItems: 2 }),
    aliases: Type.Array(Type.String()),
    ownNameServers: Type.Boolean(),
  }),
);
const Offer = Type.Object({
  service: Type.String({ maxLength: 256 }),
  port: Type.Integer({ minimum: 0, maximum: 65_535 }),
  protocol: Type.Union([Type.Literal('tcp'), Type.Literal('udp'), Type.Literal('sctp')]),
  tags: Type.Array(Type.String({ maxLength: 256 }), { maxItems: 64 }),
});
const AttachedContainer = Type.Object({
  id: Type.String(),
  name: Type.String(),
  running: Type.Boolean(),
  offers: opt(Type.Array(Offer, { maxItems: 16 })),
  networks: Type.Array(Type.Object({ id: Type.String(), addresses: Type.Array(Type.String()) })),
});
export const attachedReport = Compile(
  Type.Object({ containers: Type.Array(AttachedContainer), pending: Type.Array(Type.String()) }),
);
export const checkReport = Compile(
  Type.Object({
    revision: opt(Type.Integer()),
    told: labels,
    differences: Type.Array(Type.Object({ network: opt(Type.String()), message: Type.String() })),
    mended: Type.Integer(),
  }),
);
export const nodeAddressRequest = Compile(Type.Object({ name: Type.String({ maxLength: 255 }) }));
export const imageRequest = Compile(Type.Object({ reference: Type.String() }));
export const statusRequest = Compile(
  Type.Object({ statuses: Type.Array(Type.Object({ taskId: Type.String(), status: Status })) }),
);
export const description = Compile(HostDescription);
