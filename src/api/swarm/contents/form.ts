/** Secrets and configs as the API shows them. */
import type { Config, Secret } from '../../../model/objects.ts';
import { labels, optional, present } from '../go-form.ts';
import { driver, meta } from '../object-form.ts';

/** Without its data, which is never shown. */
export function secretForm(secret: Secret): object {
  const { Name, Labels, Driver, Templating } = secret.Spec;
  return {
    ...meta(secret),
    Spec: present({
      Name,
      Labels: labels(Labels),
      Driver: optional(Driver, driver),
      Templating: optional(Templating, driver),
    }),
  };
}

export function configForm(config: Config): object {
  const { Name, Labels, Data, Templating } = config.Spec;
  return {
    ...meta(config),
    Spec: present({ Name, Labels: labels(Labels), Data, Templating: optional(Templating, driver) }),
  };
}
