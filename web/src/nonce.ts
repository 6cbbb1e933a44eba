/**
 * The page's policy lets in only style elements that bear its nonce. Libraries that make some (the terminal) know of no
 * such thing: each new one gets it here, before any of them is loaded.
 */
export const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? '';

const create = document.createElement.bind(document);
document.createElement = ((name: string, options?: ElementCreationOptions) => {
  const element = create(name, options);
  if (name.toLowerCase() === 'style') element.setAttribute('nonce', nonce);
  return element;
}) as typeof document.createElement;
