/** What a manager's parts tell of how long things take, for whoever keeps figures. All in milliseconds. */
export interface Measure {
  /** A pass of the controllers: what was planned at a stretch, and its writing. */
  planned(ms: number): void;
  /** From when this manager asked its store for a commit until that was durable. */
  committed(ms: number): void;
  /** From the commit that was news for a host until the host was sent it. */
  told(ms: number): void;
  /** From when a host was sent a state of its networks until it said that its kernel has it. */
  applied(ms: number): void;
}
