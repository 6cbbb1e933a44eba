/** What the forms of several kinds of objects have in common: each has the fields of Docker's API in its order, without what is the cluster's own. */
import type { Meta } from '../../model/objects.ts';
import type { Driver } from '../../model/spec.ts';
import { map, number, present, text } from './go-form.ts';

/** What every object begins with. */
export function meta({ ID, Version, CreatedAt, UpdatedAt }: Meta): Meta {
  return { ID, Version: { Index: Version.Index }, CreatedAt, UpdatedAt };
}

/** The first iteration is number zero, which is not said. */
export function iterationForm({ Index }: { Index: number }): { Index?: number } {
  return present({ Index: number(Index) });
}

export function driver({ Name, Options }: Driver): Driver {
  return present({ Name: text(Name), Options: map(Options) });
}
