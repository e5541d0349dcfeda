import { z } from 'zod';
import { text } from '../fields.ts';

/** RFC 6749, 3.1: a parameter without a value counts as left out. */
const optionalText = (max: number) =>
  z.preprocess((value) => (value === '' ? undefined : value), text(max).optional());

export const DEVICE_GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:device_code';

/** Providers that people may sign in with, as Supabase names them: X is still `twitter`. */
export const signInProviders = ['google', 'twitter'] as const;
export type SignInProvider = (typeof signInProviders)[number];

export const pageSchema = z.string().meta({ example: '<!doctype html>' });

// RFC 7636, 4.1 and 4.2.
const codeChallengeSchema = z
  .string()
  .regex(/^[A-Za-z0-9._~-]{43,128}$/, 'must be 43 to 128 letters, digits, -, ., _ or ~')
  .optional();

const codeChallengeMethodSchema = z
  .string()
  .transform((method) => method.toLowerCase())
  .pipe(z.enum(['s256', 'plain'], 'must be s256 or plain'))
  .optional();

export const authorizeQuery = z
  .object({
    provider: z.string().max(50).meta({ example: 'google' }),
    redirect_to: z.string().max(2048).optional(),
    code_challenge: codeChallengeSchema,
    code_challenge_method: codeChallengeMethodSchema,
    scopes: z.string().max(500).optional(),
    skip_http_redirect: z.string().max(10).optional(),
    // Handed on to the provider.
    prompt: z.string().max(50).optional(),
    login_hint: z.string().max(320).optional(),
    access_type: z.string().max(20).optional(),
    hd: z.string().max(255).optional(),
  })
  .refine((query) => (query.code_challenge === undefined) === (query.code_challenge_method === undefined), {
    path: ['code_challenge_method'],
    message: 'must come together with code_challenge',
  });

export const authorizeAnswer = z.object({ url: z.url() });

export const callbackQuery = z.object({
  state: z.string().max(500).optional(),
  code: z.string().max(4096).optional(),
  error: z.string().max(200).optional(),
  error_description: z.string().max(1000).optional(),
});

export const deviceCodeBody = z
  .object({
    client_id: optionalText(200),
    /** Shown to whoever decides; the client's own word for itself. */
    client_name: optionalText(100),
    scope: optionalText(500),
  })
  .prefault({});

export const deviceCodeAnswer = z.object({
  device_code: z.string(),
  user_code: z.string().meta({ example: 'WXYZ-3479' }),
  verification_uri: z.url(),
  verification_uri_complete: z.url(),
  /** Seconds. */
  expires_in: z.int(),
  /** Seconds between two polls. */
  interval: z.int(),
});

export const deviceTokenBody = z.object({
  device_code: optionalText(200),
  /** With grant_type refresh_token: a device knows no anon key to renew its session with. */
  refresh_token: optionalText(512),
  client_id: optionalText(200),
  grant_type: optionalText(100),
});

export const deviceTokenAnswer = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.int(),
  refresh_token: z.string(),
  /** Only when the scope that was asked for has `openid`. */
  id_token: z.string().optional(),
});

export const studioUserAnswer = z.object({
  id: z.uuid(),
  email: z.string().nullable(),
  name: z.string(),
  avatar_url: z.string().optional(),
});

const userCodeField = z.string().max(50);
/** Bound to the browser's session of the page: a form of another site cannot know it. */
const formTokenField = z.string().max(100).default('');

export const devicePageQuery = z.object({
  user_code: userCodeField.optional(),
  notice: z.string().max(50).optional(),
});
export const deviceDoneQuery = z.object({ result: z.enum(['approved', 'denied']) });
export const deviceProviderParams = z.object({ provider: z.string().max(50) });
export const deviceProviderQuery = z.object({ user_code: userCodeField.optional() });
export const deviceSignInForm = z.object({
  form_token: formTokenField,
  user_code: userCodeField.optional(),
  email: z.string().max(320).default(''),
  password: z.string().max(1000).default(''),
});
export const deviceSignOutForm = z.object({
  form_token: formTokenField,
  user_code: userCodeField.optional(),
});
export const deviceUserCodeForm = z.object({
  form_token: formTokenField,
  user_code: userCodeField.default(''),
});
export const deviceDecisionForm = z.object({
  form_token: formTokenField,
  request: z.string().max(50).default(''),
  decision: z.enum(['approve', 'deny']),
});
