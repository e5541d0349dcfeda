/** Just enough of a browser for a page without scripts: cookies, redirects, forms with their hidden fields. */
export const createBrowser = (origin: string) => {
  const cookies = new Map<string, string>();
  const fetchPage = async (path: string, form?: URLSearchParams): Promise<string> => {
    const response = await fetch(new URL(path, origin), {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        origin,
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      },
      ...(form ? { body: form } : {}),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location)
      return fetchPage(new URL(location, new URL(path, origin)).pathname + new URL(location, origin).search);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    return text;
  };
  return {
    open: (url: string) => fetchPage(new URL(url).pathname + new URL(url).search),
    /** Sends the form whose address ends so, with its hidden fields and these. */
    async submit(page: string, action: string, fields: Readonly<Record<string, string>>): Promise<string> {
      const form = [...page.matchAll(/<form[^>]*action="([^"]*)"[^>]*>(.*?)<\/form>/gs)].find(([, address]) =>
        address?.endsWith(action),
      );
      if (!form) throw new Error(`no form for ${action} in ${page}`);
      const hidden = [...(form[2] ?? '').matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
      const values = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]));
      const known = [...(form[2] ?? '').matchAll(/<input[^>]* name="([^"]*)"[^>]* value="([^"]*)"/g)];
      for (const [, name = '', value = ''] of known) values[name] ??= value;
      return fetchPage(form[1] ?? '', new URLSearchParams({ ...values, ...fields }));
    },
  };
};
