/** The state cannot be read or written. The text names the file or server, what is wrong with it, and what to do. */
export class StoreError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
  }
}

/** This manager does not lead the swarm, so nothing was written: the leader is to be asked. */
export class NotLeadingError extends StoreError {
  constructor(message = 'this manager does not lead the swarm; nothing was written. Ask the leader') {
    super(message);
    this.name = 'NotLeadingError';
  }
}
