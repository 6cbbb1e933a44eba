/** A backup as a file: its kind of sealed archive, and what it says of itself. */
import * as archive from '../../identity/archive.ts';

export { HEAD_BYTES } from '../../identity/archive.ts';

const BACKUP: archive.ArchiveKind = { magic: 'essaim backup', noun: 'backup', format: 1 };

/** What a backup says of itself to anybody. */
export interface BackupHeader extends archive.ArchiveHeader {
  /** RFC 3339. */
  created: string;
  cluster: string;
  /** The name of the host that made it. */
  host: string;
  /** Of the store. */
  revision: number;
  /** How many objects there are of each kind. */
  objects: Record<string, number>;
}

/** The file, part by part. @param lines what is in it; asked for as they are needed */
export function sealArchive(
  header: BackupHeader,
  secret: string,
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<Buffer> {
  return archive.sealArchive(BACKUP, header, secret, lines);
}

/** What the beginning of a file says. @throws ApiError 400 if it is no backup that can be read */
export function readHeader(beginning: Buffer): BackupHeader {
  return archive.readHeader(BACKUP, beginning);
}

/** The lines of a backup. @throws ApiError 400: no backup, a newer format, a wrong secret, damaged */
export function openArchive(file: Buffer, secret: string): Promise<{ header: BackupHeader; text: string }> {
  return archive.openArchive(BACKUP, file, secret);
}
