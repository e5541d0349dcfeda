import { Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

/**
 * Empties a server without failing a request. For `drainSeconds` it goes on accepting and answering with `Connection:
 * close` (so pools in front of it let go of their connections, and load balancers see `/readyz`), then the listener
 * closes and what is being answered is finished. Idle connections are closed last, for a request may be on its way on
 * one; a pool that keeps idle connections for less than `drainSeconds` has none left by then.
 */
export const drainHttp = async (app: FastifyInstance, drainSeconds: number): Promise<void> => {
  if (!app.server.listening) {
    await app.close();
    return;
  }
  // Requests that came before the drain; later ones are told so when they come.
  app.kit.traffic.sendAway();
  await delay(drainSeconds * 1000);
  // Not http.Server's own close(), which cuts idle connections at once.
  Server.prototype.close.call(app.server);
  await app.kit.traffic.idle();
  await app.close();
};
