/**
 * An error with the answer that the API gives for it: an HTTP status and `{"message": …}`. Thrown wherever the cause is
 * known; the API face only prints it.
 */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

type Code =
  | 'InvalidArgument'
  | 'NotFound'
  | 'AlreadyExists'
  | 'FailedPrecondition'
  | 'PermissionDenied'
  | 'Unimplemented'
  | 'Internal'
  | 'Unavailable'
  | 'Unknown';

const STATUS: Record<Code, number> = {
  InvalidArgument: 400,
  NotFound: 404,
  AlreadyExists: 409,
  FailedPrecondition: 400,
  PermissionDenied: 403,
  Unimplemented: 501,
  Internal: 500,
  Unavailable: 503,
  Unknown: 500,
};

/** An error of the cluster's control API, with the text and status that Docker gives a SwarmKit error of that code. */
export function rpcError(code: Code, description: string): ApiError {
  return new ApiError(STATUS[code], `rpc error: code = ${code} desc = ${description}`);
}

/** What is said when no manager leads. */
export function noLeader(): ApiError {
  return rpcError(
    'Unknown',
    "The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.",
  );
}

/** What a manager knows may be out of date, since nobody leads as far as it sees. An election ends that by itself. */
export class NotCurrentError extends ApiError {
  constructor() {
    const { status, message } = noLeader();
    super(status, message);
  }
}

/** What was thrown, in words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
