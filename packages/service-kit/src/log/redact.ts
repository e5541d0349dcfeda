/** Names under which a secret could reach a log line: headers, and fields of ours. */
const secretNames = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'apikey',
  'x-api-key',
  'x-api-secret',
  'x-internal-token',
  'x-partner-signature',
  'webhook-signature',
  'password',
  'temporary_password',
  'secret',
  'api_key',
  'api_secret',
  'webhook_secret',
  'access_token',
  'refresh_token',
  'token',
] as const;

const quoted = (name: string): string => `["${name}"]`;

/** Paths for pino: each name at the top, one level down, and in the `headers` of a logged request or answer. */
export const redactedPaths: string[] = secretNames.flatMap((name) => [
  quoted(name),
  `*${quoted(name)}`,
  `*.headers${quoted(name)}`,
]);
