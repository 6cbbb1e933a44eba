/** How strong a password looks: by its length and variety, which is all that can be told without knowing its maker. */

export interface Strength {
  /** 0 to 1. */
  share: number;
  word: string;
  color: string;
}

export function strength(password: string): Strength {
  const length = [...password].length;
  const different = new Set(password).size;
  const bits = length * Math.log2(Math.max(2, Math.min(different * 2, 64)));
  const share = Math.min(1, bits / 100);
  if (length === 0) return { share: 0, word: 'nothing yet', color: 'gray' };
  if (length < 12) return { share: Math.min(share, 0.3), word: 'too short', color: 'red' };
  if (share < 0.6) return { share, word: 'fair', color: 'yellow' };
  return { share, word: share < 0.9 ? 'good' : 'very good', color: 'teal' };
}
