/** What is to be said of a compose file. */

export type Path = ReadonlyArray<string | number>;

export interface Problem {
  severity: 'error' | 'warning';
  /** What is wrong, and what to do. */
  message: string;
  /** Where in the document: `services`, `web`, `ports`, 0. */
  path: Path;
}

/** A fault from which there is no going on with what is at that path. */
export class ComposeError extends Error {
  readonly path: Path;
  constructor(path: Path, message: string) {
    super(message);
    this.name = 'ComposeError';
    this.path = path;
  }
}
