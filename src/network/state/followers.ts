/** Those who are told of something each time that it has become another. */
export class Followers<T> {
  readonly #followers = new Set<(value: T) => void>();
  #told: string;

  /** @param value JSON, as all that follow: what it is to begin with, which nobody has to be told */
  constructor(value: T) {
    this.#told = JSON.stringify(value);
  }

  /** Returns the function that ends it. */
  add(follower: (value: T) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Whether that is what was told last. */
  know(value: T): boolean {
    return JSON.stringify(value) === this.#told;
  }

  tell(value: T): void {
    if (this.know(value)) return;
    this.#told = JSON.stringify(value);
    for (const follower of this.#followers) follower(value);
  }
}
