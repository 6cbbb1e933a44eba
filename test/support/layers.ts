/**
 * Checks that imports point one way, as ARCHITECTURE.md says. Prints each import that does not and exits with 1.
 * Tests may import what they like; what they test may not.
 */
import { glob, readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';

/** How HTTP is spoken with clients of the Docker API, whatever is served. */
const API_TOOLS = [
  ...[
    'body-object.ts',
    'filters.ts',
    'input.ts',
    'listen.ts',
    'proxy.ts',
    'query.ts',
    'refuse.ts',
    'reply.ts',
  ],
  ...['request.ts', 'router.ts', 'target.ts'],
].map((file) => `api/${file}`);

/** How DNS is spoken. */
const DNS_CODEC = ['listener.ts', 'message.ts', 'registered.ts'].map((file) => `network/dns/${file}`);

/** What each folder of src may import of the others: a whole folder, or one file of it. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  node: [],
  model: [],
  store: ['model'],
  control: ['model', 'store'],
  identity: ['model'],
  engine: ['model'],
  manager: [
    ...['model', 'store', 'control', 'identity'],
    ...['api/contract.ts', 'agent/contract.ts', 'agent/tunnel.ts'],
  ],
  network: ['model', 'store/contract.ts'],
  agent: ['model', 'engine', 'identity', 'network'],
  api: ['model', 'store', 'engine', 'manager/contract.ts', 'agent/contract.ts'],
  fleet: ['model', 'engine'],
  discovery: ['model', 'engine'],
  classic: ['model', 'engine', 'fleet', 'discovery', ...API_TOOLS],
  metrics: [
    'model',
    'store/contract.ts',
    'network/contract.ts',
    'api/contract.ts',
    'api/server.ts',
    ...API_TOOLS,
  ],
  registry: [
    ...['model', 'store/contract.ts', 'engine', 'fleet', 'api/contract.ts'],
    ...['api/swarm/access.ts', 'control/registry-sessions.ts', ...DNS_CODEC, ...API_TOOLS],
  ],
  compose: ['model'],
  access: ['model', 'store', 'api'],
  ui: ['model', 'store', 'control', 'identity', 'engine', 'api', 'access', 'compose', 'fleet'],
  machine: ['model', 'identity'],
  daemon: [
    ...['model', 'store', 'control', 'identity', 'engine', 'manager', 'network', 'agent', 'api'],
    ...['access', 'ui', 'classic', 'fleet', 'metrics', 'registry', 'discovery'],
  ],
  cli: ['model', 'identity', 'machine', 'daemon', 'fleet', 'discovery', 'classic', 'api/listen.ts'],
};
interface Rooms {
  /** Files at the root of the part that each of its rooms may import; they themselves import none of its rooms. */
  readonly base: readonly string[];
  /** What each room may import besides, of the other rooms. The rest of the root puts rooms together, and may import all. */
  readonly rooms: Readonly<Record<string, readonly string[]>>;
}
/** Parts that are large enough to have rooms. */
const ROOMS: Readonly<Record<string, Rooms>> = {
  manager: {
    base: ['commit-queue.ts', 'contract.ts', 'managers.ts', 'office.ts', 'rest.ts'],
    rooms: {
      ca: [],
      backup: ['ca'],
      dispatcher: [],
      server: ['ca'],
      leadership: [],
      members: [],
      peers: ['members'],
      state: ['ca', 'leadership', 'members', 'peers'],
    },
  },
  'api/swarm': {
    base: [
      'access.ts',
      'array.ts',
      'go-form.ts',
      'lookup.ts',
      'names.ts',
      'object-form.ts',
      'query.ts',
      'version.ts',
    ],
    rooms: {
      cluster: [],
      nodes: [],
      images: [],
      networks: [],
      logs: [],
      services: ['images'],
      tasks: ['networks'],
      contents: ['services'],
    },
  },
  network: {
    base: ['address.ts', 'contract.ts', 'names.ts'],
    rooms: {
      state: [],
      rounds: [],
      kernel: [],
      firewall: ['kernel'],
      host: ['kernel', 'rounds', 'firewall'],
      overlay: ['kernel', 'rounds'],
      wireguard: ['kernel', 'rounds', 'state'],
      dns: ['rounds'],
      late: ['kernel', 'rounds', 'dns'],
      plugin: ['kernel', 'rounds', 'state', 'overlay'],
    },
  },
};
/** The planners are pure, and the model is what everything else is told in: neither reaches for the system. */
const WITHOUT_NODE: Readonly<Record<string, readonly string[]>> = { control: [], model: ['node:crypto'] };

/** All that is not pure may import these; HTTP is spoken by that file alone, which says why. */
const NODE = 'src/node/';
const HTTP = 'src/node/http.ts';
const HTTP_VALUES = /^import (?!type\b)[^;]*? from 'node:http';/m;

const IMPORT =
  /^\s*(?:import|export)\b[^'";]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|^\s*import\s+['"]([^'"]+)['"]/gm;

const wrong: string[] = [];
for await (const path of glob('src/**/*.ts')) {
  // Tests, and what only they use, stand beside the code.
  if (/\.test\.ts$|\/testing\//.test(path)) continue;
  const text = await readFile(path, 'utf8');
  if (HTTP_VALUES.test(text))
    wrong.push(`${path}: only types are imported from node:http, values from ${HTTP}`);
  for (const match of text.matchAll(IMPORT)) {
    const imported = (match[1] ?? match[2] ?? match[3])!;
    const reason = objection(path, imported) ?? objectionOfRooms(path, imported);
    const line = text.slice(0, match.index + match[0].search(/\S/)).split('\n').length;
    if (reason) wrong.push(`${path}:${line}: ${reason}`);
  }
}
// The browser's side knows of ours only what goes over the wire.
for await (const path of glob('web/src/**/*.{ts,tsx}')) {
  if (/\.test\.ts$/.test(path)) continue;
  const text = await readFile(path, 'utf8');
  for (const match of text.matchAll(IMPORT)) {
    const imported = (match[1] ?? match[2] ?? match[3])!;
    const target = imported.startsWith('.') ? relative('.', resolve(dirname(path), imported)) : '';
    if (target !== '' && !target.startsWith('web/') && !/^src\/ui\/protocol(-\w+)?\.ts$/.test(target))
      wrong.push(`${path}: web must not import ${target} (it may: src/ui/protocol.ts)`);
    if (imported.startsWith('node:')) wrong.push(`${path}: ${imported} is not there in a browser`);
  }
}
for (const line of wrong) process.stderr.write(`${line}\n`);
if (wrong.length > 0) process.exitCode = 1;

/** Why the file may not import that, or undefined when it may. */
function objection(path: string, imported: string): string | undefined {
  const folder = path.split('/')[1]!;
  const allowed = MAY_IMPORT[folder];
  if (!allowed) return `${folder} is no known part of src: give it its place in test/support/layers.ts`;
  if (imported.startsWith('node:')) {
    const system = WITHOUT_NODE[folder];
    return system && !system.includes(imported)
      ? `${folder} is pure and must not import ${imported}`
      : undefined;
  }
  if (!imported.startsWith('.')) return undefined;
  const target = relative('.', resolve(dirname(path), imported));
  const [root, part, ...file] = target.split('/');
  if (root !== 'src' || !part)
    return target === 'package.json' ? undefined : `must not import ${target}, outside of src`;
  if (target.startsWith(NODE) && !(folder in WITHOUT_NODE)) return undefined;
  if (part === folder || allowed.includes(part) || allowed.includes(`${part}/${file.join('/')}`))
    return undefined;
  return `${folder} must not import ${target} (it may: ${allowed.join(', ') || 'nothing of ours'})`;
}

/** The same within a part that has rooms. */
function objectionOfRooms(path: string, imported: string): string | undefined {
  if (!imported.startsWith('.')) return undefined;
  const target = relative('src', resolve(dirname(path), imported));
  for (const [part, { base, rooms }] of Object.entries(ROOMS)) {
    const [here, there] = [relative('src', path), target].map((file) => placeIn(part, file));
    if (!here || !there || here.room === there.room) continue;
    if (there.room === '') {
      if (!base.includes(there.file))
        return `${part}/${here.room} must not import ${target}, which puts rooms together`;
    } else if (here.room === '') {
      if (base.includes(here.file))
        return `${part}/${here.file} is for all rooms and must not import ${target}`;
    } else {
      const allowed = rooms[here.room];
      if (!allowed)
        return `${part}/${here.room} is no known room: give it its place in test/support/layers.ts`;
      if (!allowed.includes(there.room))
        return `${part}/${here.room} must not import ${target} (of the rooms it may: ${allowed.join(', ') || 'none'})`;
    }
  }
  return undefined;
}

/** The room of a file in a part ('' at its root), and its name in there; undefined for a file of another part. */
function placeIn(part: string, file: string): { room: string; file: string } | undefined {
  if (!file.startsWith(`${part}/`)) return undefined;
  const [room, ...rest] = file.slice(part.length + 1).split('/');
  return rest.length === 0 ? { room: '', file: room! } : { room: room!, file: rest.join('/') };
}
