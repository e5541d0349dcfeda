const STORE = 'switchboard-demo-key';

/**
 * Of the address's fragment (`#key=…&secret=…`), which no server ever sees; it is read once and taken out of the address
 * bar, so that neither history nor screenshots keep it. Then of this tab.
 */
export const readCredentials = () => {
  const given = new URLSearchParams(location.hash.slice(1));
  const [apiKey, apiSecret] = [given.get('key'), given.get('secret')];
  if (apiKey && apiSecret) {
    history.replaceState(null, '', location.pathname + location.search);
    keepCredentials({ apiKey, apiSecret });
    return { apiKey, apiSecret };
  }
  try {
    return JSON.parse(sessionStorage.getItem(STORE));
  } catch {
    return null;
  }
};

export const keepCredentials = (credentials) => {
  try {
    sessionStorage.setItem(STORE, JSON.stringify(credentials));
  } catch {
    // Storage is switched off: the page works until it is left.
  }
};

export const shorten = (apiKey) => (apiKey.length > 12 ? `${apiKey.slice(0, 10)}…` : apiKey);
