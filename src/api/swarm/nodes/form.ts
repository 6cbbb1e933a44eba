/** A node as the API shows it. */
import type { Node } from '../../../model/objects.ts';
import { labels, list, map, optional, present, text } from '../go-form.ts';
import { meta } from '../object-form.ts';

/** As `GET /nodes/{id}` answers. */
export function nodeForm(node: Node): object {
  const { Description, Status, ManagerStatus } = node;
  const { State, Message, Addr } = Status;
  const { Hostname, Platform, Resources, Engine, TLSInfo } = Description ?? {};
  return present({
    ...meta(node),
    Spec: present({
      Name: text(node.Spec.Name),
      Labels: labels(node.Spec.Labels),
      Role: node.Spec.Role,
      Availability: node.Spec.Availability,
    }),
    Description: present({
      Hostname: text(Hostname),
      Platform: present({ Architecture: text(Platform?.Architecture), OS: text(Platform?.OS) }),
      Resources: present({
        NanoCPUs: Resources?.NanoCPUs,
        MemoryBytes: Resources?.MemoryBytes,
        GenericResources: list(Resources?.GenericResources),
      }),
      Engine: present({
        EngineVersion: text(Engine?.EngineVersion),
        Labels: map(Engine?.Labels),
        Plugins: list(Engine?.Plugins),
      }),
      TLSInfo: TLSInfo ?? {},
    }),
    Status: present({ State, Message: text(Message), Addr: text(Addr) }),
    ManagerStatus: optional(ManagerStatus, ({ Leader, Reachability, Addr: address }) =>
      present({ Leader: Leader || undefined, Reachability, Addr: address }),
    ),
  });
}
