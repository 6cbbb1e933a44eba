/**
 * Certificates of the hosts' APIs, as docker-machine made them: one authority for all hosts of this user, one certificate by
 * which the user is known to them (`certs`), one for each host (`server.pem`); beside a host's record lie copies of the user's,
 * which is what DOCKER_CERT_PATH points at.
 */
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { createRoot, issueServerCertificate, type Root } from '../identity/authority.ts';
import { type Machine, MachineError } from './driver.ts';
import { withLock } from './lock.ts';
import { essaimHome } from './registry.ts';

const DAY = 24 * 3_600_000;
const LIFE = 1080 * DAY;
const BACKDATE = 3_600_000;
/** What is good for less than this is replaced whenever it is used for a host. */
const RENEW_BEFORE = 90 * DAY;

const USER_FILES = ['ca.pem', 'cert.pem', 'key.pem'] as const;
const SERVER_FILES = ['server.pem', 'server-key.pem'] as const;

/** What a host needs to serve its API: by file name. */
export type ServerFiles = Readonly<Record<'ca.pem' | 'server.pem' | 'server-key.pem', string>>;

/** Folder of the authority and of the user's own certificate. */
export function certificateFolder(): string {
  return join(essaimHome(), 'certs');
}

/** The certificate of this user's authority, as PEM; '' if there is none yet. */
export async function ownAuthority(): Promise<string> {
  return (await readIfThere(join(certificateFolder(), 'ca.pem'))) ?? '';
}

/**
 * The files for a host's API, made where they are missing, about to end, or for another address; all of the user's lie in the
 * machine's directory then.
 */
export async function serverFiles(
  machine: Pick<Machine, 'name' | 'address' | 'directory' | 'ssh'>,
  anew = false,
): Promise<ServerFiles> {
  const { directory } = machine;
  const foreign = await foreignFiles(machine);
  if (foreign && !anew) return foreign;
  if (foreign) {
    throw new MachineError(
      `Machine "${machine.name}" was imported: its certificates are by an authority whose key is with who exported it.`,
    );
  }
  const { root, user } = await authority(isGood);
  await mkdir(directory, { recursive: true });
  for (const name of USER_FILES) await write(join(directory, name), user[name]);
  const [old, oldKey] = await Promise.all(SERVER_FILES.map((name) => readIfThere(join(directory, name))));
  if (!anew && old && oldKey && serves(old, root, machine.address)) {
    return { 'ca.pem': root.cert, 'server.pem': old, 'server-key.pem': oldKey };
  }
  const now = Date.now();
  const names = [
    machine.name,
    'localhost',
    ...(machine.ssh && !isAddress(machine.ssh.host) ? [machine.ssh.host] : []),
  ];
  const { key, certificate } = await issueServerCertificate(root, {
    commonName: machine.name,
    names: [...new Set(names.map((name) => name.toLowerCase()))],
    addresses: [...new Set([machine.address, '127.0.0.1'])],
    // Classic Swarm's manager is a client of the engines by the same certificate.
    use: ['server', 'client'],
    notBefore: now - BACKDATE,
    notAfter: now + LIFE,
  });
  await write(join(directory, 'server-key.pem'), key);
  await write(join(directory, 'server.pem'), certificate);
  return { 'ca.pem': root.cert, 'server.pem': certificate, 'server-key.pem': key };
}

/** The files of a machine that somebody else's authority certifies: one that was imported. */
async function foreignFiles({ directory }: Pick<Machine, 'directory'>): Promise<ServerFiles | undefined> {
  const own = await readIfThere(join(certificateFolder(), 'ca.pem'));
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', ...SERVER_FILES].map((name) => readIfThere(join(directory, name))),
  );
  if (!ca || !cert || !key || ca === own) return undefined;
  return { 'ca.pem': ca, 'server.pem': cert, 'server-key.pem': key };
}

/** Gives the user another certificate, which their machines get as they are renewed. The authority stays. */
export async function renewUserCertificate(): Promise<void> {
  await authority(() => false);
}

/** When the certificate in the machine's directory ends; undefined if there is none. */
export async function certificateEnd({ directory }: Machine): Promise<Date | undefined> {
  const pem = await readIfThere(join(directory, 'server.pem'));
  return pem === undefined ? undefined : new X509Certificate(pem).validToDate;
}

function isGood(certificate: X509Certificate): boolean {
  return certificate.validToDate.getTime() > Date.now() + RENEW_BEFORE;
}

function serves(pem: string, root: Root, address: string): boolean {
  const certificate = new X509Certificate(pem);
  return (
    isGood(certificate) &&
    certificate.checkIP(address) !== undefined &&
    certificate.verify(new X509Certificate(root.cert).publicKey)
  );
}

/** The authority, made once, and the user's certificate, made anew where it is not to be kept. */
async function authority(
  keeps: (certificate: X509Certificate) => boolean,
): Promise<{ root: Root; user: Record<(typeof USER_FILES)[number], string> }> {
  const folder = certificateFolder();
  return withLock(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const files = ['ca.pem', 'ca-key.pem', 'cert.pem', 'key.pem'];
    const [ca, caKey, cert, key] = await Promise.all(files.map((name) => readIfThere(join(folder, name))));
    if (ca && caKey && cert && key && keeps(new X509Certificate(cert))) {
      return { root: { cert: ca, key: caKey }, user: { 'ca.pem': ca, 'cert.pem': cert, 'key.pem': key } };
    }
    if (ca && !caKey) {
      throw new MachineError(
        `${folder} has ca.pem without ca-key.pem: bring that back, or remove the folder.`,
      );
    }
    const now = Date.now();
    const root = ca && caKey ? { cert: ca, key: caKey } : await createRoot(now, 'Essaim machines');
    const made = await issueServerCertificate(root, {
      commonName: `${userInfo().username}@${hostname()}`,
      names: [],
      addresses: [],
      use: ['client'],
      notBefore: now - BACKDATE,
      notAfter: now + LIFE,
    });
    await write(join(folder, 'ca-key.pem'), root.key);
    await write(join(folder, 'key.pem'), made.key);
    await write(join(folder, 'cert.pem'), made.certificate);
    await write(join(folder, 'ca.pem'), root.cert);
    return { root, user: { 'ca.pem': root.cert, 'cert.pem': made.certificate, 'key.pem': made.key } };
  });
}

export function isAddress(host: string): boolean {
  return /^[\d.]+$|:/.test(host);
}

/** Keys are the user's alone to read. A reader sees the old file or the new one. */
async function write(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: path.endsWith('key.pem') ? 0o600 : 0o644, flush: true });
  await rename(`${path}.new`, path);
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
