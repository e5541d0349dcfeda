import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** A server that is there answers, if not at once. */
const PATIENT_MS = 30_000;
/** Whoever asks whether it is there asks again. */
const CHECK_MS = 5_000;

/**
 * The few words of the NATS client protocol that the stack needs before and beside any service: is the server there,
 * does JetStream answer, remove the streams of an account. Services use `@switchboard/bus`.
 * https://docs.nats.io/reference/reference-protocols/nats-protocol
 */
export class NatsWire {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #wake: () => void = () => undefined;
  #failure: Error | undefined;

  private constructor(socket: Socket, silenceMs: number) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the NATS server closed the connection')));
    socket.setTimeout(silenceMs, () =>
      socket.destroy(new Error(`the NATS server did not answer within ${silenceMs / 1000} s`)),
    );
  }

  /** Connects with the credentials in the URL and waits until the server has accepted them. */
  static async connect(url: string, silenceMs = PATIENT_MS): Promise<NatsWire> {
    const { hostname, port, username, password } = new URL(url);
    const wire = new NatsWire(connect({ host: hostname, port: Number(port || 4222) }), silenceMs);
    try {
      await wire.#line();
      const credentials = username
        ? { user: decodeURIComponent(username), pass: decodeURIComponent(password) }
        : {};
      const hello = {
        verbose: false,
        pedantic: false,
        lang: 'node',
        version: '1',
        protocol: 1,
        ...credentials,
      };
      wire.#socket.write(`CONNECT ${JSON.stringify(hello)}\r\nPING\r\n`);
      for (;;) {
        const line = await wire.#line();
        if (line.startsWith('-ERR')) throw new Error(`the NATS server refused us: ${line.slice(5)}`);
        if (line === 'PONG') return wire;
      }
    } catch (error) {
      wire.close();
      throw error;
    }
  }

  /** One request, one JSON answer. Throws when nobody answers in time. */
  async request(subject: string, body: unknown = undefined): Promise<unknown> {
    const inbox = `_INBOX.${randomUUID()}`;
    const payload = Buffer.from(body === undefined ? '' : JSON.stringify(body));
    this.#socket.write(`SUB ${inbox} 1\r\nUNSUB 1 1\r\nPUB ${subject} ${inbox} ${payload.length}\r\n`);
    this.#socket.write(Buffer.concat([payload, Buffer.from('\r\n')]));
    for (;;) {
      const line = await this.#line();
      if (line === 'PING') this.#socket.write('PONG\r\n');
      if (line.startsWith('-ERR')) throw new Error(`the NATS server said ${line.slice(5)}`);
      if (!line.startsWith('MSG ')) continue;
      const bytes = Number(line.split(' ').at(-1));
      const message = await this.#bytes(bytes + 2);
      return JSON.parse(message.subarray(0, bytes).toString('utf8'));
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  async #take(measure: () => number | undefined): Promise<Buffer> {
    for (;;) {
      const end = measure();
      if (end !== undefined) {
        const taken = this.#received.subarray(0, end);
        this.#received = this.#received.subarray(end);
        return taken;
      }
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #line(): Promise<string> {
    const taken = await this.#take(() => {
      const at = this.#received.indexOf('\r\n');
      return at < 0 ? undefined : at + 2;
    });
    return taken.subarray(0, -2).toString('utf8');
  }

  #bytes(count: number): Promise<Buffer> {
    return this.#take(() => (this.#received.length >= count ? count : undefined));
  }
}

/** Throws unless a server with JetStream answers for this account. */
export async function checkJetStream(url: string, silenceMs = CHECK_MS): Promise<void> {
  const wire = await NatsWire.connect(url, silenceMs);
  try {
    const answer = await wire.request('$JS.API.INFO');
    const fault = faultOf(answer);
    if (fault) throw new Error(fault);
  } finally {
    wire.close();
  }
}

/** Deletes every stream of the account, and with them every consumer. */
export async function deleteAllStreams(url: string): Promise<void> {
  const wire = await NatsWire.connect(url);
  try {
    for (;;) {
      const answer = await wire.request('$JS.API.STREAM.NAMES', { offset: 0 });
      const names = isRecord(answer) && Array.isArray(answer.streams) ? answer.streams : [];
      if (names.length === 0) return;
      for (const name of names) {
        const fault = faultOf(await wire.request(`$JS.API.STREAM.DELETE.${name}`));
        if (fault && !fault.includes('not found'))
          throw new Error(`stream ${name} was not deleted: ${fault}`);
      }
    }
  } finally {
    wire.close();
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function faultOf(answer: unknown): string | undefined {
  if (!isRecord(answer) || !isRecord(answer.error)) return undefined;
  return String(answer.error.description ?? answer.error.code);
}
