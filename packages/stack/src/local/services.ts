import type { SchemaName } from '@switchboard/db';
import { stackEnvironment } from '../config.ts';
import { pinnedNode, repositoryDir, serviceEntry } from '../paths.ts';
import type { Program } from '../supervisor/supervise.ts';
import { localFiles } from './files.ts';
import { type AppName, appNames, type LocalPorts } from './ports.ts';
import type { LocalSecrets } from './secrets.ts';

/** Whose schema a service owns. The gateway owns none. */
const SCHEMA_OF: Partial<Record<AppName, SchemaName>> = {
  'identity-service': 'identity',
  'call-service': 'calls',
  'partner-service': 'partner',
  'ticket-service': 'tickets',
  'ai-service': 'ai',
  'webhook-dispatcher': 'webhooks',
};

/** Where pages under development usually are. A `*` is one part of a path. */
const LOCAL_REDIRECTS = ['localhost', '127.0.0.1']
  .flatMap((host) => [3001, 4200, 5173, 8080].map((port) => `http://${host}:${port}`))
  .flatMap((origin) => ['/', '/*', '/*/*'].map((path) => `${origin}${path}`))
  .join(',');

export interface LocalParts {
  ports: LocalPorts;
  secrets: LocalSecrets;
  databaseUrls: Record<SchemaName, string>;
  natsUrl: string;
}

/** What to start for each app, and with which settings. What the operator has set wins, but for addresses. */
export function localPrograms(parts: LocalParts): Program[] {
  const { all, smtpUrl } = stackEnvironment();
  return appNames.map((name) => {
    const port = parts.ports.apps[name];
    const schema = SCHEMA_OF[name];
    const { DATABASE_URL: _ownersUrl, ...inherited } = all;
    return {
      name,
      command: pinnedNode(),
      args: ['--enable-source-maps', serviceEntry(name)],
      cwd: repositoryDir,
      url: `http://127.0.0.1:${port}`,
      env: {
        LOG_LEVEL: 'info',
        // Nobody balances load here: an ending service need not wait for others to look away.
        DRAIN_SECONDS: '0',
        SHUTDOWN_SECONDS: '10',
        // Callbacks to a receiver on this machine are what a local stack is for. Never so in production.
        WEBHOOK_ALLOW_PRIVATE_TARGETS: 'true',
        PUBLIC_URL: baseUrlOf(parts.ports),
        AUTH_REDIRECT_URLS: LOCAL_REDIRECTS,
        // A browser on this machine reaches the audio of calls here, whatever network the machine is in.
        CALL_MEDIA_ADDRESSES: '127.0.0.1',
        // Without a mail server the links in mails are found in the log.
        MAIL_PRINT: String(smtpUrl === undefined),
        DEMO_PAGES: 'true',
        STORAGE_DIRECTORY: localFiles.storage,
        ...inherited,
        HOST: name === 'gateway' ? (all.HOST ?? '127.0.0.1') : '127.0.0.1',
        PORT: String(port),
        NATS_URL: parts.natsUrl,
        WEBHOOK_SECRET: parts.secrets.webhookSecret,
        INTERNAL_TOKEN_SECRET: parts.secrets.internalTokenSecret,
        ...secretsFor(name, parts.secrets),
        ...(schema ? { DATABASE_URL: parts.databaseUrls[schema] } : upstreams(parts.ports)),
      },
    };
  });
}

/** What one app alone has to know. */
function secretsFor(name: AppName, secrets: LocalSecrets): Record<string, string> {
  if (name === 'gateway') return { ANON_KEY: secrets.anonKey };
  if (name === 'webhook-dispatcher') return { WEBHOOK_ENCRYPTION_KEY: secrets.webhookEncryptionKey };
  if (name !== 'identity-service') return {};
  return {
    IDENTITY_ENCRYPTION_KEY: secrets.identityEncryptionKey,
    ADMIN_EMAIL: secrets.admin.email,
    ADMIN_PASSWORD: secrets.admin.password,
  };
}

/** Where a client on this machine finds the gateway. */
export function baseUrlOf(ports: LocalPorts): string {
  return `http://localhost:${ports.apps.gateway}`;
}

function upstreams(ports: LocalPorts): Record<string, string> {
  const urls: Record<string, string> = {};
  for (const name of appNames) {
    if (name === 'gateway') continue;
    urls[`${name.toUpperCase().replaceAll('-', '_')}_URL`] = `http://127.0.0.1:${ports.apps[name]}`;
  }
  return urls;
}
