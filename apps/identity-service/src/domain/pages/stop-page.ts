import { html } from './html.ts';
import { renderPage } from './layout.ts';

/** The end of a way: what was asked cannot be done, and where to begin again, if we know. */
export const stopPage = (page: {
  readonly title: string;
  readonly words: string;
  readonly beginAt?: string;
}): string =>
  renderPage({
    title: page.title,
    main: html`<p class="note bad" role="alert">${page.words}</p>
${page.beginAt !== undefined && html`<p><a href="${page.beginAt}">Begin again</a></p>`}`,
  });
