import { generate } from 'selfsigned';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const DAY_MS = 86_400_000;

export const daysFromNow = (days: number): Date => new Date(Date.now() + days * DAY_MS);

export const makeAuthority = async (name: string): Promise<Certificate> => {
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true },
    ],
  });
  return { key: made.private, cert: made.cert };
};

/** A server's certificate; self-signed without an authority. */
export const makeCertificate = async (
  host: string,
  options: { readonly authority?: Certificate; readonly from?: Date; readonly until?: Date } = {},
): Promise<Certificate> => {
  const { authority, from = daysFromNow(-2), until = daysFromNow(2) } = options;
  const made = await generate([{ name: 'commonName', value: host }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: from,
    notAfterDate: until,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: host }] },
    ],
    ...(authority ? { ca: authority } : {}),
  });
  return { key: made.private, cert: made.cert };
};
