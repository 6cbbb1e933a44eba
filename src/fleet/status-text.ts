/** What `docker ps` says of a container's state, in Docker's words. */
import type { ContainerState } from './records.ts';

/** @param now milliseconds since the epoch */
export function statusText(state: ContainerState, now: number): string {
  const since = (time: string): string => durationText((now - Date.parse(time)) / 1000);
  if (state.Running) {
    if (state.Paused) return `Up ${since(state.StartedAt)} (Paused)`;
    if (state.Restarting) return `Restarting (${state.ExitCode}) ${since(state.FinishedAt)} ago`;
    const health = healthText(state.Health?.Status);
    return `Up ${since(state.StartedAt)}${health && ` (${health})`}`;
  }
  if (state.Status === 'removing') return 'Removal In Progress';
  if (state.Dead) return 'Dead';
  if (isZero(state.StartedAt)) return 'Created';
  if (isZero(state.FinishedAt)) return '';
  return `Exited (${state.ExitCode}) ${since(state.FinishedAt)} ago`;
}

function healthText(status: string | undefined): string {
  if (status === 'starting') return 'health: starting';
  return status === undefined || status === 'none' ? '' : status;
}

/** Go's zero time. */
export function isZero(time: string): boolean {
  return time === '' || time.startsWith('0001-');
}

/** As Docker rounds and words it: `Less than a second`, `3 minutes`, `About an hour`. */
export function durationText(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 1) return 'Less than a second';
  if (whole === 1) return '1 second';
  if (whole < 60) return `${whole} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(hours / 24 / 365)} years`;
}
