import type { SignInProvider } from '@switchboard/contracts';
import type { DeviceAuthorization } from '../device/device-repository.ts';
import { type Html, html } from './html.ts';
import { renderPage } from './layout.ts';

/** What every page of /device is made from. */
export interface PageFrame {
  /** The address of the page, without a slash at its end. */
  readonly path: string;
  readonly formToken: string;
  readonly problem?: string | null;
}

const PROVIDER_NAMES: Readonly<Record<SignInProvider, string>> = { google: 'Google', twitter: 'X' };

const formToken = ({ formToken: token }: PageFrame): Html =>
  html`<input type="hidden" name="form_token" value="${token}">`;

const userCodeField = (userCode: string): Html | null =>
  userCode === '' ? null : html`<input type="hidden" name="user_code" value="${userCode}">`;

const invalid = ({ problem }: PageFrame): Html | null =>
  problem ? html` aria-invalid="true" aria-describedby="problem"` : null;

export const signInPage = (
  frame: PageFrame,
  view: {
    readonly userCode: string;
    readonly email: string;
    readonly providers: readonly SignInProvider[];
    /** The problem is about e-mail and password. */
    readonly isRefused: boolean;
  },
): string => {
  const marks = view.isRefused ? invalid(frame) : null;
  const suffix = view.userCode === '' ? '' : `?user_code=${encodeURIComponent(view.userCode)}`;
  const ways = view.providers.map(
    (provider) => html`
<li><a class="button" href="${frame.path}/sign-in/${provider}${suffix}">Continue with ${PROVIDER_NAMES[provider]}</a></li>`,
  );
  return renderPage({
    title: 'Sign in to connect a device',
    problem: frame.problem ?? null,
    main: html`
<p class="quiet">A device wants to use your account. Sign in first, then you see which one it is.</p>
<form method="post" action="${frame.path}/sign-in">
${formToken(frame)}${userCodeField(view.userCode)}
<label for="email">E-mail</label>
<input id="email" name="email" type="email" autocomplete="username" required value="${view.email}"${marks}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${marks}>
<button class="main" type="submit">Sign in</button>
</form>
${ways.length > 0 && html`<p class="or">or</p><ul class="ways">${ways}</ul>`}`,
  });
};

const who = (frame: PageFrame, email: string | null, userCode = ''): Html => html`
<form class="who" method="post" action="${frame.path}/sign-out">
${formToken(frame)}${userCodeField(userCode)}
Signed in${email !== null && html` as <strong>${email}</strong>`}. <button class="plain" type="submit">Use another account</button>
</form>`;

export const codePage = (
  frame: PageFrame,
  view: { readonly userCode: string; readonly email: string | null },
): string => {
  const isGiven = view.userCode !== '' && !frame.problem;
  return renderPage({
    title: isGiven ? 'Is this the code on your device?' : 'Type the code of your device',
    problem: frame.problem ?? null,
    main: html`
<form method="post" action="${frame.path}/code">
${formToken(frame)}
<label for="user_code">Code</label>
<span class="hint" id="hint">${
      isGiven
        ? 'Go on only if your device shows exactly this code. If somebody sent you a link with it, close this page.'
        : 'Eight characters, such as WXYZ-3479. Capitals and the dash do not matter.'
    }</span>
<input class="code" id="user_code" name="user_code" type="text" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20" required value="${view.userCode}"${
      frame.problem
        ? html` aria-invalid="true" aria-describedby="problem hint"`
        : html` aria-describedby="hint"`
    }>
<button class="main" type="submit">${isGiven ? 'Yes, it is the same' : 'Continue'}</button>
</form>
${who(frame, view.email, view.userCode)}`,
  });
};

const shortTime = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

const ago = (at: Date, now: Date): string => {
  const minutes = Math.floor((now.getTime() - at.getTime()) / 60_000);
  if (minutes < 1) return 'less than a minute ago';
  return minutes === 1 ? '1 minute ago' : `${minutes} minutes ago`;
};

export const confirmPage = (
  frame: PageFrame,
  view: { readonly email: string | null; readonly authorization: DeviceAuthorization; readonly now: Date },
): string => {
  const { authorization, email, now } = view;
  const { clientName, clientId, ip, userAgent, createdAt } = authorization;
  const rows: readonly (readonly [string, string | null])[] = [
    ['Program', clientName ?? clientId ?? 'It does not say its name'],
    ['Client id', clientName === null ? null : clientId],
    ['Asks from the address', ip ?? 'unknown'],
    ['Says that it is', userAgent],
    ['Began', `${shortTime(createdAt)}, ${ago(createdAt, now)}`],
  ];
  return renderPage({
    title: 'Let this device use your account?',
    problem: frame.problem ?? null,
    main: html`
<dl>${rows
      .filter(([, value]) => value !== null)
      .map(([name, value]) => html`<div><dt>${name}</dt><dd><bdi>${value}</bdi></dd></div>`)}</dl>
<p class="note warn"><strong>Approve only what you began yourself, just now.</strong> Nobody from support asks you to open this page or to type a code. The program’s name is its own word: anybody can claim it. Whoever you approve can do everything that you can.</p>
<form method="post" action="${frame.path}/decision">
${formToken(frame)}<input type="hidden" name="request" value="${authorization.id}">
<div class="pair">
<button type="submit" name="decision" value="deny">Deny</button>
<button class="main" type="submit" name="decision" value="approve">Approve</button>
</div>
</form>
${who(frame, email)}`,
  });
};

export const donePage = (result: 'approved' | 'denied'): string =>
  result === 'approved'
    ? renderPage({
        title: 'Your device is signed in',
        main: html`<p class="note good" role="status">Go back to your device: it goes on by itself within a few seconds.</p>
<p class="quiet">You can close this page. If it was not you, change your password at once: that signs out every device.</p>`,
      })
    : renderPage({
        title: 'The device was turned away',
        main: html`<p class="note good" role="status">It got nothing, and is told so.</p>
<p class="quiet">You can close this page. If somebody else asked you to open it, do not answer them.</p>`,
      });
