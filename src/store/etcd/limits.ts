/** How large a transaction may be, and the flags of etcd that allow it. */

/** Changes, compares and specs of one transaction. */
export const MAX_OPERATIONS = 1024;
/** Bytes of one transaction: a config alone may have a megabyte. */
export const MAX_BYTES = 8 * 1024 * 1024;

/** What etcd has to be started with. */
export const LIMIT_FLAGS: readonly string[] = [
  `--max-txn-ops=${MAX_OPERATIONS}`,
  // A little more, for what goes around a request.
  `--max-request-bytes=${MAX_BYTES + 65_536}`,
];
