import {
  booleanField,
  busBlock,
  databaseBlock,
  internalTokenBlock,
  listField,
  loadConfig,
  logBlock,
  numberField,
  secretField,
  serverBlock,
  setting,
  telemetryBlock,
  textField,
  urlField,
} from '@switchboard/service-kit';
import { z } from 'zod';

/** Secrets go there and identities come from there: https, but for this machine. */
const isSafeIssuer = (text: string): boolean => {
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
};
const issuerField = () => urlField().refine(isSafeIssuer, 'must be https, or http on this machine');

/** Half of a client would leave sign-in with its provider off, and nobody would be told. */
const bothOrNeither =
  (one: string, other: string) =>
  ({ value, issues }: z.core.ParsePayload<object>) => {
    const given = new Map(Object.entries(value));
    for (const [name, partner] of [
      [one, other],
      [other, one],
    ] as const) {
      if (given.get(name) !== undefined || given.get(partner) === undefined) continue;
      // `continue`: the other pair is looked at too.
      issues.push({ code: 'custom', path: [name], message: 'is missing', input: value, continue: true });
    }
  };

/** A pattern whose host is a pattern too would let somebody else's host in. */
const isRedirectPattern = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { host, search, hash, username, password } = new URL(text);
  return !`${host}${search}`.includes('*') && `${hash}${username}${password}` === '';
};

/** Every setting of identity-service, by feature. */
export const configSchema = z.object({
  server: serverBlock({ port: 3010 }),
  log: logBlock,
  database: databaseBlock,
  bus: busBlock,
  internalToken: internalTokenBlock,
  telemetry: telemetryBlock,
  identity: z.object({
    publicUrl: setting('PUBLIC_URL', urlField().default('http://localhost:3000'), {
      description: 'How callers reach the gateway: the issuer of tokens and the links in mails begin with it',
      example: 'https://api.example.com',
    }),
    encryptionKey: setting('IDENTITY_ENCRYPTION_KEY', secretField(32), {
      description: 'Encrypts signing keys and derives refresh tokens; whoever changes it signs everybody out',
      example: 'generate-with-openssl-rand-base64-48-and-keep-it',
      secret: true,
    }),
    previousEncryptionKey: setting('IDENTITY_ENCRYPTION_KEY_PREVIOUS', secretField(32).optional(), {
      description:
        'The key before the last change: what it encrypted is still read, its refresh tokens are still taken',
      secret: true,
    }),
    requireEmailConfirmation: setting('AUTH_REQUIRE_EMAIL_CONFIRMATION', booleanField().default(false), {
      description: 'true: whoever signs up must follow the link in a mail first',
    }),
    signupEnabled: setting('AUTH_SIGNUP_ENABLED', booleanField().default(true), {
      description: 'false: nobody can sign up; administrators make users',
    }),
    redirectUrls: setting(
      'AUTH_REDIRECT_URLS',
      listField()
        .refine(
          (patterns) => patterns.every(isRedirectPattern),
          'must be whole addresses, with a * in the path at most',
        )
        .default([]),
      {
        description:
          'Where sign-in may send people back to, divided by commas; a * stands for anything within one part of the path',
        example: 'https://app.example.com/auth,https://app.example.com/welcome/*',
      },
    ),
    signingKeyDays: setting('AUTH_SIGNING_KEY_DAYS', numberField({ min: 1, max: 3650 }).default(90), {
      description:
        'Days after which a new key signs access tokens; the old one stays known while a token of it lives',
    }),
  }),
  firstAdministrator: z.object({
    email: setting('ADMIN_EMAIL', textField().optional(), {
      description: 'With ADMIN_PASSWORD: made a super_admin at the first boot, when there is none',
      example: 'admin@example.com',
    }),
    password: setting('ADMIN_PASSWORD', secretField(8).optional(), {
      description: 'Password of the first administrator; not read any more once there is one',
      secret: true,
    }),
  }),
  mail: z.object({
    smtpUrl: setting('SMTP_URL', urlField(['smtp', 'smtps']).optional(), {
      description: 'Mail server; without one no mail is sent',
      example: 'smtp://user:password@mail.example.com:587',
      secret: true,
    }),
    from: setting('MAIL_FROM', textField().default('Switchboard <no-reply@localhost>'), {
      description: 'Sender of mails',
      example: 'Switchboard <no-reply@example.com>',
    }),
    print: setting('MAIL_PRINT', booleanField().default(false), {
      description: 'true: mails are written to the log instead, links included; the local stack sets it',
    }),
  }),
  providers: z
    .object({
      googleClientId: setting('GOOGLE_CLIENT_ID', textField().optional(), {
        description: 'Sign-in with Google, with GOOGLE_CLIENT_SECRET',
      }),
      googleClientSecret: setting('GOOGLE_CLIENT_SECRET', textField().optional(), {
        description: 'Secret of the Google client, with GOOGLE_CLIENT_ID',
        secret: true,
      }),
      googleIssuerUrl: setting('GOOGLE_ISSUER_URL', issuerField().default('https://accounts.google.com'), {
        description: 'Where Google is; another one for tests and proxies',
      }),
      twitterClientId: setting('TWITTER_CLIENT_ID', textField().optional(), {
        description: 'Sign-in with X (Twitter), with TWITTER_CLIENT_SECRET',
      }),
      twitterClientSecret: setting('TWITTER_CLIENT_SECRET', textField().optional(), {
        description: 'Secret of the X client, with TWITTER_CLIENT_ID',
        secret: true,
      }),
      twitterIssuerUrl: setting('TWITTER_ISSUER_URL', issuerField().optional(), {
        description: 'Where X is, sign-in page and API alike; another one for tests and proxies',
      }),
    })
    .check(bothOrNeither('googleClientId', 'googleClientSecret'))
    .check(bothOrNeither('twitterClientId', 'twitterClientSecret')),
  apiKeys: z.object({
    key: setting('API_KEY', textField().optional(), {
      description:
        'With API_SECRET: a first key pair of the calls surface, in whatever form the deployment has it',
      secret: true,
    }),
    secret: setting('API_SECRET', textField().optional(), {
      description: 'Secret of API_KEY',
      secret: true,
    }),
  }),
});

export type Config = z.output<typeof configSchema>;

/** The service's configuration. Throws ConfigError, which names every fault at once. */
export const readConfig = (): Config => loadConfig(configSchema, process.env);
