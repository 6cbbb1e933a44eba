/** A service as the API shows it. */
import type { Service } from '../../../model/objects.ts';
import type { View } from '../../../store/contract.ts';
import { list, optional, present, text } from '../go-form.ts';
import { iterationForm, meta } from '../object-form.ts';
import { virtualIPs } from './networks.ts';
import { withDefaults } from './spec/defaults.ts';

export interface ServiceStatus {
  RunningTasks: number;
  DesiredTasks: number;
  CompletedTasks: number;
}

export function serviceForm(
  service: Service,
  view: View,
  options: { insertDefaults?: boolean; status?: ServiceStatus } = {},
): object {
  const { Spec, PreviousSpec, Endpoint, UpdateStatus, JobStatus } = service;
  return present({
    ...meta(service),
    Spec: options.insertDefaults ? withDefaults(Spec) : Spec,
    PreviousSpec,
    Endpoint: present({
      Spec: Endpoint.Spec,
      Ports: list(Endpoint.Ports),
      VirtualIPs: list(virtualIPs(view, service)),
    }),
    UpdateStatus: optional(UpdateStatus, ({ State, StartedAt, CompletedAt, Message }) =>
      present({ State, StartedAt, CompletedAt, Message: text(Message) }),
    ),
    ServiceStatus: options.status,
    JobStatus: optional(JobStatus, ({ JobIteration, LastExecution }) => ({
      JobIteration: iterationForm(JobIteration),
      LastExecution,
    })),
  });
}
