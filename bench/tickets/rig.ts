import pg from 'pg';
import {
  type IntegrationTokenCredentials,
  type Platform,
  startPlatform,
} from '../../tests/support/platform.ts';
import { cpuSeconds, cpuSecondsWithChildren } from '../support/cpu.ts';

export const SURFACE = '/functions/v1/integration-tickets';

export interface CpuUse {
  readonly gateway: number;
  readonly ticketService: number;
  readonly postgres: number;
  readonly nats: number;
  readonly dispatcher: number;
}

export type Rig = Awaited<ReturnType<typeof startRig>>;

export const bearer = ({ token }: Pick<IntegrationTokenCredentials, 'token'>) => ({
  authorization: `Bearer ${token}`,
});

/** Postgres with fsync, NATS, and what tickets pass through, each a process of its own on this machine. */
export const startRig = async () => {
  const platform: Platform = await startPlatform(
    {},
    { without: ['partner-service', 'call-service', 'ai-service'], durable: true },
  );
  return {
    platform,
    gatewayUrl: platform.gatewayUrl,
    cpu: (): CpuUse => ({
      gateway: cpuSeconds(platform.services.gateway.pid),
      ticketService: cpuSeconds(platform.services['ticket-service'].pid),
      dispatcher: cpuSeconds(platform.services['webhook-dispatcher'].pid),
      postgres: cpuSecondsWithChildren(platform.postgres.pid()),
      nats: cpuSeconds(platform.nats.pid()),
    }),
    createToken: (name: string) => platform.createIntegrationToken({ name, rate_limit_per_hour: 1_000_000 }),
    /** Runs SQL as the owner, on a connection that may lose its last moments. */
    async fill(...statements: readonly (readonly [string, (readonly unknown[])?])[]): Promise<void> {
      const client = new pg.Client({ connectionString: platform.postgres.ownerUrl });
      await client.connect();
      try {
        await client.query(
          "SET synchronous_commit = off; SET work_mem = '64MB'; SET maintenance_work_mem = '512MB'",
        );
        for (const [text, values = []] of statements) await client.query(text, [...values]);
      } finally {
        await client.end();
      }
    },
    stop: () => platform.stop(),
  };
};
