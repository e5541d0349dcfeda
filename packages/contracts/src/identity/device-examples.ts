import type { RouteExample } from '../specs/examples.ts';

const PAGE = '<!doctype html><html lang="en"><title>Sign in a device</title></html>';
const FORM_TOKEN = 'kUoY2lXbCkH0cVqk1Jg2Yp3mN4sT5uV6wX7yZ8aB9cD';
const USER_CODE = 'WXYZ-3479';
const pages = (...statuses: readonly number[]) => ({
  answers: Object.fromEntries(statuses.map((status) => [status, PAGE])),
});

export const deviceExamples: Readonly<Record<string, RouteExample>> = {
  'auth.provider.authorize': {
    answers: {
      200: { url: 'https://accounts.google.com/o/oauth2/v2/auth?client_id=switchboard&state=k3mZ' },
    },
  },
  'auth.provider.callback': pages(400),
  'device.code.create': {
    body: { client_id: 'switchboard-cli', client_name: 'Switchboard on my laptop' },
    answers: {
      200: {
        device_code: 'GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS0k',
        user_code: USER_CODE,
        verification_uri: 'https://api.example.com/device',
        verification_uri_complete: `https://api.example.com/device?user_code=${USER_CODE}`,
        expires_in: 900,
        interval: 5,
      },
    },
  },
  'device.token.create': {
    body: {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: 'GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS0k',
    },
    answers: {
      200: {
        access_token: 'eyJhbGciOiJSUzI1NiIsImtpZCI6Im…',
        token_type: 'Bearer',
        expires_in: 3600,
        refresh_token: 'a refresh token',
      },
    },
  },
  'studio.user.get': {
    answers: {
      200: {
        id: '0192f0c1-2b3c-7d4e-8f50-617283940a1b',
        email: 'ada@example.com',
        name: 'Ada Lovelace',
        avatar_url: 'https://example.com/ada.png',
      },
    },
  },
  'device.page.get': pages(200),
  'device.page.sign_in': {
    body: { form_token: FORM_TOKEN, email: 'ada@example.com', password: 'correct horse battery staple' },
    ...pages(400, 403),
  },
  'device.page.sign_in_with': { params: { provider: 'google' }, ...pages(400) },
  'device.page.sign_out': { body: { form_token: FORM_TOKEN }, ...pages(403) },
  'device.page.enter_code': {
    body: { form_token: FORM_TOKEN, user_code: USER_CODE },
    ...pages(400, 403, 429),
  },
  'device.page.confirm': pages(200),
  'device.page.decide': {
    body: { form_token: FORM_TOKEN, request: '0192f0c1-2b3c-7d4e-8f50-617283940a1b', decision: 'approve' },
    ...pages(400, 403),
  },
  'device.page.done': pages(200),
};
