import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type Answer, decode, encode, type StringAnswer } from 'dns-packet';

/** What a name is: its addresses, another name, or an answer that changes from question to question. */
export type Records =
  | { readonly a?: readonly string[]; readonly aaaa?: readonly string[]; readonly cname?: string }
  | 'silent'
  | 'failing';

export interface NameServer {
  /** As `WEBHOOK_DNS_SERVERS` takes it. */
  readonly address: string;
  /** `A rebind.example.com`, in order. */
  readonly questions: string[];
  close(): Promise<void>;
}

/**
 * A name server over UDP. Whoever controls a domain runs one, and answers as it likes.
 *
 * @param zone what a name is when it is asked for the n-th time (from 1) by that kind of question
 */
export const startNameServer = async (
  zone: (name: string, time: number) => Records | undefined,
): Promise<NameServer> => {
  const questions: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (bytes, client) => {
    const query = decode(bytes);
    const question = query.questions?.[0];
    if (!question) return;
    const name = question.name.toLowerCase();
    const asked = `${question.type} ${name}`;
    questions.push(asked);
    const records = zone(name, questions.filter((one) => one === asked).length);
    if (records === 'silent') return;
    const answer = (answers: Answer[], code: number) =>
      socket.send(
        encode({ type: 'response', id: query.id ?? 0, flags: 0x0180 | code, questions: [question], answers }),
        client.port,
        client.address,
      );
    if (records === undefined) return void answer([], NXDOMAIN);
    if (records === 'failing') return void answer([], SERVFAIL);
    const address = (kind: 'A' | 'AAAA', owner: string, data: string): StringAnswer => ({
      type: kind,
      name: owner,
      ttl: 0,
      data,
    });
    const owner = records.cname ?? name;
    const addresses =
      question.type === 'A'
        ? (records.a ?? []).map((data) => address('A', owner, data))
        : question.type === 'AAAA'
          ? (records.aaaa ?? []).map((data) => address('AAAA', owner, data))
          : [];
    answer(
      [
        ...(records.cname ? [{ type: 'CNAME' as const, name, ttl: 0, data: records.cname }] : []),
        ...addresses,
      ],
      0,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    async close() {
      socket.close();
      await once(socket, 'close');
    },
  };
};

const SERVFAIL = 2;
const NXDOMAIN = 3;
