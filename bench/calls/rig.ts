import { type CallsClient, createCallsClient, keyHeaders } from '../../tests/support/calls-client.ts';
import { type ApiKeyCredentials, type Platform, startPlatform } from '../../tests/support/platform.ts';
import { cpuSeconds, cpuSecondsWithChildren } from '../support/cpu.ts';
import { startProcess } from '../support/process.ts';

export const SOCKETS = 1_000;

export interface Account {
  readonly id: string;
  readonly key: ApiKeyCredentials;
  readonly headers: Readonly<Record<string, string>>;
  readonly client: CallsClient;
}

export interface CpuUse {
  readonly gateway: number;
  readonly callService: number;
  readonly postgres: number;
  readonly nats: number;
}

export type Rig = Awaited<ReturnType<typeof startRig>>;

export const startProgram = (file: string, env: Readonly<Record<string, string>>) =>
  startProcess(process.execPath, [new URL(file, import.meta.url).pathname], env);

/** Postgres with fsync, NATS, identity-service, call-service and the gateway, each a process of its own on this machine. */
export const startRig = async () => {
  const platform: Platform = await startPlatform(
    {
      gateway: { REALTIME_SOCKETS_PER_CALLER_MAX: '20000' },
      'call-service': { CALL_ACTIVE_PER_ACCOUNT_MAX: '5000', CALL_ACTIVE_MAX: '5000' },
    },
    { without: ['partner-service', 'ticket-service', 'ai-service', 'webhook-dispatcher'], durable: true },
  );
  return {
    platform,
    gatewayUrl: platform.gatewayUrl,
    gatewayPid: platform.services.gateway.pid,
    natsUrl: platform.nats.url,
    cpu: (): CpuUse => ({
      gateway: cpuSeconds(platform.services.gateway.pid),
      callService: cpuSeconds(platform.services['call-service'].pid),
      postgres: cpuSecondsWithChildren(platform.postgres.pid()),
      nats: cpuSeconds(platform.nats.pid()),
    }),
    async createAccount(name: string): Promise<Account> {
      const key = await platform.createApiKey({ account: name, rate_limit_per_minute: 1_000_000 });
      const { account_id } = await platform.administer('GET', `/api-keys/${key.id}`);
      const client = createCallsClient(platform.gatewayUrl, key);
      return { id: String(account_id), key, headers: keyHeaders(key), client };
    },
    stop: () => platform.stop(),
  };
};
