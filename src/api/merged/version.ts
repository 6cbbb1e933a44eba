/** `/version`: the engine's, with Essaim as one more component. */
import { type EngineVersion, servedVersion } from '../../engine/client.ts';
import type { ApiContext, Router } from '../router.ts';

export function versionRoutes(version: string): (router: Router, context: ApiContext) => void {
  return (router, { engine }) => {
    router.get('/version', async ({ apiVersion, signal }) => {
      const answer = await engine.json<EngineVersion & { Components?: object[] }>('GET', '/version', {
        apiVersion,
        signal,
      });
      const essaim = { Name: 'Essaim', Version: version, Details: { NodeVersion: process.versions.node } };
      return {
        status: 200,
        body: {
          ...answer,
          Components: [...(answer.Components ?? []), essaim],
          ApiVersion: servedVersion(answer),
        },
      };
    });
  };
}
