/** The folder that this Essaim lies in. Built, all of its code is two folders below it, as this file is. */
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
