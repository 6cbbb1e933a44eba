/** Options of engines that tutorials of old give, and that are gone. */

export const GONE =
  "engines have had no key–value store since version 23, and Essaim's overlay networks need none";

/** Whether an option of the engine (KEY=VALUE) is about a key–value store of engines. */
export function isGone(option: string): boolean {
  return /^cluster-(store|store-opt|advertise)=/.test(option);
}
