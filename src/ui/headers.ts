/** Headers that every answer of the web interface's port bears. */
import type { OutgoingHttpHeaders } from 'node:http';

/** For what is no page. */
export const COMMON: OutgoingHttpHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'strict-transport-security': 'max-age=31536000',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** For a page whose style elements bear that nonce. Nothing comes from another host, nothing inline runs. */
export function pageHeaders(nonce: string): OutgoingHttpHeaders {
  return {
    ...COMMON,
    'content-security-policy': [
      ...["default-src 'none'", "script-src 'self'", `style-src 'self' 'nonce-${nonce}'`],
      ...["img-src 'self' data:", "font-src 'self'", "connect-src 'self'", "base-uri 'none'"],
      ...["form-action 'self'", "frame-ancestors 'none'", "manifest-src 'self'"],
    ].join('; '),
    'cache-control': 'no-store',
  };
}
