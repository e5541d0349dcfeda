/** The pages of /docs. Everything they load comes from this gateway. */

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/assets/docs.css">
</head>
<body>
${body}
</body>
</html>
`;

export const indexPage = (): string =>
  page(
    'Switchboard documentation',
    `<main>
<h1>Switchboard</h1>
<ul>
<li><a href="/docs/api">API reference</a> — every route, with examples (<a href="/openapi.json">openapi.json</a>)</li>
<li><a href="/docs/events">Events</a> — what services tell and ask each other (<a href="/asyncapi.json">asyncapi.json</a>)</li>
<li><a href="/health">Health</a> — how the platform is now</li>
</ul>
</main>`,
  );

export const referencePage = (title: string, document: string): string =>
  page(
    title,
    `<div id="reference" data-document="${document}"><p class="wait">Loading…</p></div>
<noscript><main><p>This page needs JavaScript. The document itself: <a href="${document}">${document}</a></p></main></noscript>
<script src="/docs/assets/reference.js"></script>
<script src="/docs/assets/start.js"></script>`,
  );

/** Everything that would talk to anybody but this gateway is switched off; the page's policy would block it anyway. */
export const startScript = `const target = document.getElementById('reference');
const { document: url } = target.dataset;
target.replaceChildren();
Scalar.createApiReference(target, {
  url,
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
});
`;

export const stylesheet = `body { margin: 0; font-family: system-ui, sans-serif; line-height: 1.5; }
body > main, noscript > main { max-width: 42rem; margin: 4rem auto; padding: 0 1.5rem; }
.wait { margin: 4rem; color: #767676; }
`;
