import { isIP } from 'node:net';
import {
  busBlock,
  databaseBlock,
  internalTokenBlock,
  listField,
  loadConfig,
  logBlock,
  numberField,
  oneOfField,
  secondsField,
  secretField,
  serverBlock,
  setting,
  telemetryBlock,
  textField,
  urlField,
} from '@switchboard/service-kit';
import { z } from 'zod';

const iceUrlsField = () =>
  listField().refine(
    (urls) => urls.every((url) => /^(stuns?|turns?):[^\s]+$/.test(url)),
    'must be stun:, turn: or turns: addresses, divided by commas',
  );

const addressesField = () =>
  listField().refine(
    (addresses) => addresses.every((address) => isIP(address) !== 0),
    'must be IP addresses, divided by commas',
  );

const PORTS = /^(\d{1,5})-(\d{1,5})$/;
const portsField = () =>
  textField()
    .refine((text) => {
      const [, first, last] = PORTS.exec(text) ?? [];
      return Number(first) >= 1024 && Number(last) <= 65_535 && Number(first) < Number(last);
    }, 'must be a range of UDP ports from 1024 to 65535, such as 40000-40999')
    .transform((text): readonly [number, number] => {
      const [, first, last] = PORTS.exec(text) ?? [];
      return [Number(first), Number(last)];
    });

/** Every setting of call-service, by feature. */
export const configSchema = z.object({
  server: serverBlock({ port: 3020 }),
  log: logBlock,
  database: databaseBlock,
  bus: busBlock,
  internalToken: internalTokenBlock,
  telemetry: telemetryBlock,
  edge: z.object({
    publicUrl: setting('PUBLIC_URL', urlField(), {
      description: 'How callers reach the gateway: where the addresses of sockets point to',
      example: 'https://api.example.com',
    }),
  }),
  calls: z.object({
    driver: setting('CALL_DRIVER', oneOfField(['loopback']).default('loopback'), {
      description: 'What carries calls: loopback plays the far end itself and needs no telephone',
    }),
    secondsMax: setting('CALL_MAX_SECONDS', secondsField({ min: 10 }).default(14_400), {
      description: 'A call that nobody ends is ended after this time',
    }),
    leaseSeconds: setting('CALL_LEASE_SECONDS', secondsField({ min: 2, max: 30 }).default(10), {
      description: 'A process that is not heard of for this long loses its calls to another one',
    }),
    activeMax: setting('CALL_ACTIVE_MAX', numberField({ min: 1 }).default(2_000), {
      description: 'Most calls that one process has in hand',
    }),
    activePerAccountMax: setting('CALL_ACTIVE_PER_ACCOUNT_MAX', numberField({ min: 1 }).default(500), {
      description: 'Most calls of one account at a time',
    }),
    noAnswerSeconds: setting('CALL_NO_ANSWER_SECONDS', secondsField({ min: 1, max: 600 }).default(45), {
      description: 'A far end that rings for longer does not answer',
    }),
  }),
  media: z.object({
    iceServers: setting('CALL_ICE_SERVERS', iceUrlsField().default([]), {
      description: 'STUN and TURN servers that browsers are told of, divided by commas',
      example: 'stun:stun.example.com:3478,turn:turn.example.com:3478',
    }),
    turnSecret: setting('CALL_TURN_SECRET', secretField(16).optional(), {
      description:
        'Shared with the TURN servers (coturn: static-auth-secret): passwords for them last a call. Without it browsers are told of STUN servers alone',
      secret: true,
    }),
    addresses: setting('CALL_MEDIA_ADDRESSES', addressesField().default([]), {
      description:
        'Addresses at which browsers reach this process, beside those of its interfaces: a public one in front of it, or 127.0.0.1',
      example: '203.0.113.10',
    }),
    ports: setting('CALL_MEDIA_PORTS', portsField().optional(), {
      description: 'UDP ports of audio; any when unset',
      example: '40000-40999',
    }),
  }),
});

export type Config = z.output<typeof configSchema>;

/** The service's configuration. Throws ConfigError, which names every fault at once. */
export const readConfig = (): Config => loadConfig(configSchema, process.env);
