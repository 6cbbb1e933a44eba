/** Addresses of what has names that anybody may choose. */

/** The page of a stack; `rest`: `/edit?from=1`. */
export const stackPage = (name: string, rest = ''): string => `/stacks/${encodeURIComponent(name)}${rest}`;

/** Of the API; `rest`: `/revisions`. */
export const stackApi = (name: string, rest = ''): string =>
  `/essaim/stacks/${encodeURIComponent(name)}${rest}`;

/** A part of a page's address as it was meant: the router leaves as they are what has a meaning in addresses. */
export const partOf = (param = ''): string =>
  param.replace(/%(2f|3f|23|3a|40|26|3d|2b|24|2c|3b)/gi, decodeURIComponent);
