import { createHash } from 'node:crypto';
import { type Html, html } from './html.ts';

// Contrast of text on its ground is at least 4.5:1 in both schemes (WCAG 2.2, AA), of borders of controls 3:1.
const STYLE = `
:root { color-scheme: light dark; --ground: #f3f4f8; --card: #fff; --text: #1b1f2a; --quiet: #565d6d; --line: #d9dde6;
  --edge: #7c8496; --main: #2f4fd8; --main-over: #223db0; --on-main: #fff; --bad: #a81c25; --bad-ground: #fdeceb;
  --warn-ground: #fff5db; --warn: #6b4a00; --good: #17663a; --good-ground: #e5f5ea; }
@media (prefers-color-scheme: dark) { :root { --ground: #12141a; --card: #1c1f28; --text: #eceef4; --quiet: #a9b0c0;
  --line: #343947; --edge: #7d8598; --main: #9db1ff; --main-over: #bccaff; --on-main: #10162e; --bad: #ffb3ae;
  --bad-ground: #44191b; --warn-ground: #3a2f10; --warn: #ffdf94; --good: #9fe3b8; --good-ground: #143522; } }
* { box-sizing: border-box; }
html { font: 100%/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--text); display: flex; flex-direction: column;
  align-items: center; padding: 1.5rem 1rem 3rem; overflow-wrap: anywhere; }
header { width: 100%; max-width: 28rem; margin: min(6vh, 3rem) 0 1rem; font-weight: 650; letter-spacing: -.01em;
  display: flex; align-items: center; gap: .5rem; }
header svg { width: 1.5rem; height: 1.5rem; color: var(--main); }
main { width: 100%; max-width: 28rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  padding: 1.75rem; }
h1 { font-size: 1.4rem; line-height: 1.25; letter-spacing: -.015em; text-wrap: balance; margin: 0 0 1rem; }
p { margin: 0 0 1rem; }
main > :last-child { margin-bottom: 0; }
.quiet { color: var(--quiet); }
.note { border-radius: 10px; padding: .75rem .9rem; margin: 0 0 1.1rem; }
.bad { background: var(--bad-ground); color: var(--bad); }
.warn { background: var(--warn-ground); color: var(--warn); }
.good { background: var(--good-ground); color: var(--good); }
label { display: block; font-weight: 600; margin: 0 0 .3rem; }
.hint { display: block; color: var(--quiet); font-size: .9rem; margin: 0 0 .4rem; }
input { display: block; width: 100%; font: inherit; color: inherit; background: transparent; border: 1px solid var(--edge);
  border-radius: 9px; padding: .65rem .75rem; margin: 0 0 1rem; }
input.code { font: 600 1.5rem/1.3 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; letter-spacing: .12em;
  text-align: center; text-transform: uppercase; }
input[aria-invalid=true] { border-color: var(--bad); }
button, .button { display: block; width: 100%; font: inherit; font-weight: 600; text-align: center; text-decoration: none;
  cursor: pointer; border: 1px solid var(--edge); border-radius: 9px; padding: .7rem 1rem; min-height: 2.9rem;
  background: transparent; color: var(--text); }
button.main { background: var(--main); border-color: var(--main); color: var(--on-main); }
button.main:hover { background: var(--main-over); border-color: var(--main-over); }
button.plain { display: inline; width: auto; min-height: 0; padding: .15rem 0; border: 0; color: var(--main);
  text-decoration: underline; font-weight: 500; }
a { color: var(--main); }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; }
.ways { list-style: none; margin: 0; padding: 0; display: grid; gap: .6rem; }
.or { display: flex; align-items: center; gap: .75rem; color: var(--quiet); font-size: .9rem; margin: 1.25rem 0; }
.or::before, .or::after { content: ""; flex: 1; border-top: 1px solid var(--line); }
dl { margin: 0 0 1.1rem; border: 1px solid var(--line); border-radius: 10px; padding: .25rem .9rem; }
dl div { padding: .55rem 0; }
dl div + div { border-top: 1px solid var(--line); }
dt { color: var(--quiet); font-size: .875rem; }
dd { margin: 0; }
.who { border-top: 1px solid var(--line); margin: 1.5rem 0 0; padding-top: 1rem; color: var(--quiet); font-size: .9375rem; }
@media (max-width: 24rem) { .pair { grid-template-columns: 1fr; } main { padding: 1.25rem; } }
`;

const styleHash = createHash('sha256').update(STYLE).digest('base64');

/** Nothing from elsewhere, no script, no frame around it, no trace of its address. */
export const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
} as const;

/** A whole page. The title says first what went wrong, when something did: it is what a screen reader says first. */
export const renderPage = (page: {
  readonly title: string;
  readonly problem?: string | null;
  readonly main: Html;
}): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${page.problem ? 'Error: ' : ''}${page.title} – Switchboard</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<header><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true"><rect x="3" y="3" width="18" height="18" rx="5"/><path d="M8 8v3a4 4 0 0 0 4 4h4M13 12l3 3-3 3"/></svg>Switchboard</header>
<main>
<h1>${page.title}</h1>
${page.problem ? html`<p class="note bad" role="alert" id="problem">${page.problem}</p>` : null}
${page.main}
</main>
</body>
</html>
`.markup;
