import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SpeechRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly fields: Readonly<Record<string, string>>;
  readonly file: { readonly name: string; readonly type: string; readonly bytes: Buffer };
}

export interface SpeechAnswer {
  readonly status?: number;
  readonly body: unknown;
}

export interface SpeechProvider {
  readonly url: string;
  readonly requests: SpeechRequest[];
  close(): Promise<void>;
}

/** A small HTTP server that reads the multipart requests of the real clients and answers what a test says. */
export async function startSpeechProvider(
  answer: (request: SpeechRequest) => SpeechAnswer | 'hang',
): Promise<SpeechProvider> {
  const requests: SpeechRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const form = await new Response(Buffer.concat(chunks), {
      headers: { 'content-type': incoming.headers['content-type'] ?? '' },
    }).formData();
    const fields: Record<string, string> = {};
    let file: SpeechRequest['file'] = { name: '', type: '', bytes: Buffer.alloc(0) };
    for (const [name, value] of form)
      if (typeof value === 'string') fields[name] = value;
      else file = { name: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()) };
    const request = { path: incoming.url ?? '', headers: incoming.headers, fields, file };
    requests.push(request);
    const said = answer(request);
    if (said === 'hang') return;
    response.writeHead(said.status ?? 200, { 'content-type': 'application/json', 'x-should-retry': 'false' });
    response.end(JSON.stringify(said.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
