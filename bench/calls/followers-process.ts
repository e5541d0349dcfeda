import { createServer } from 'node:http';
import { connect } from 'node:net';
import { json } from 'node:stream/consumers';
import { connectBus, silentLog } from '@switchboard/bus';
import { realtimeHeaders, renderFrame } from '@switchboard/contracts';
import { percentile } from '../support/figures.ts';
import type { OpenOrder, PublishFigures, PublishOrder } from './orders.ts';

/*
 * Follows topics with many sockets and publishes their events through NATS, in one process, so that one clock says how long
 * an event took. Its sockets read frames by hand: what they cost is the same for whoever is measured.
 */
const OPENED_AT_ONCE = 32;
const TIMEOUT_MS = 120_000;
const TICK_MS = 2;
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const TEXT = 1;
const PING = 9;
/** Empty, masked with zeros. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const SEQUENCE = Buffer.from('"sequence":');
const ID = Buffer.from('"callId":"');
const ID_LENGTH = 36;
const ZERO = 48;
const NINE = 57;

const bus = await connectBus({ url: process.env.NATS_URL ?? '', name: 'bench-followers', log: silentLog });
let lost = 0;
let onDelivery: (callId: string, sequence: number) => void = () => undefined;

const readNumber = (bytes: Buffer, from: number): number => {
  let value = 0;
  for (let at = from; at < bytes.length; at += 1) {
    const digit = bytes[at] ?? 0;
    if (digit < ZERO || digit > NINE) break;
    value = value * 10 + digit - ZERO;
  }
  return value;
};

/** The frames of a server: not masked, in one piece, shorter than 64 KiB. Gives what is left over. */
const readFrames = (bytes: Buffer, onText: (text: Buffer) => void, onPing: () => void): Buffer => {
  let at = 0;
  while (bytes.length - at >= 2) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const head = short === 126 ? 4 : 2;
    if (bytes.length - at < head) break;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
    if (bytes.length - at < head + length) break;
    const kind = (bytes[at] ?? 0) & 0x0f;
    if (kind === TEXT) onText(bytes.subarray(at + head, at + head + length));
    else if (kind === PING) onPing();
    at += head + length;
  }
  return at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
};

const open = ({ url: address, headers }: OpenOrder['sockets'][number], greeting: string | null) =>
  new Promise<void>((resolve, reject) => {
    const url = new URL(address);
    const socket = connect(Number(url.port), url.hostname);
    socket.setNoDelay(true);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${lines.join('')}\r\n`,
    );
    const timer = setTimeout(() => reject(new Error('a socket did not open')), TIMEOUT_MS);
    let rest: Buffer = Buffer.alloc(0);
    let isUpgraded = false;
    let isOpen = false;
    const opened = () => {
      isOpen = true;
      clearTimeout(timer);
      resolve();
    };
    const onText = (text: Buffer) => {
      if (!isOpen) {
        if (greeting !== null && text.includes(greeting)) opened();
        return;
      }
      const id = text.indexOf(ID) + ID.length;
      const sequence = text.indexOf(SEQUENCE) + SEQUENCE.length;
      onDelivery(text.toString('latin1', id, id + ID_LENGTH), readNumber(text, sequence));
    };
    socket.on('data', (chunk: Buffer) => {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      if (!isUpgraded) {
        const end = bytes.indexOf('\r\n\r\n');
        rest = bytes;
        if (end === -1) return;
        if (!bytes.toString('latin1', 0, 12).endsWith(' 101'))
          return reject(new Error(bytes.toString('latin1', 0, 200)));
        isUpgraded = true;
        bytes = bytes.subarray(end + 4);
        if (greeting === null) opened();
      }
      rest = readFrames(bytes, onText, () => socket.write(PONG));
    });
    socket.on('error', reject);
    socket.on('close', () => {
      lost += 1;
      reject(new Error('a socket was closed'));
    });
  });

const openAll = async ({ sockets: wanted, greeting }: OpenOrder): Promise<void> => {
  const left = [...wanted];
  const work = async () => {
    for (let next = left.pop(); next; next = left.pop()) await open(next, greeting);
  };
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, work));
};

const publish = async (order: PublishOrder): Promise<PublishFigures> => {
  const { topics, socketsPerTopic, events, ratePerSecond, onTheirWay } = order;
  const wanted = events * socketsPerTopic;
  const delaysMs = new Float64Array(wanted);
  const sentMs = new Map(topics.map(({ callId }) => [callId, new Map<number, number>()]));
  let arrived = 0;
  let published = 0;
  const next = topics.map(({ nextSequence }) => nextSequence);
  const publishOne = () => {
    const index = published % topics.length;
    const topic = topics[index];
    if (!topic) throw new RangeError('there is no topic');
    const sequence = next[index] ?? 0;
    next[index] = sequence + 1;
    const text = renderFrame('callId', topic.callId, {
      type: 'call.action',
      sequence,
      timestamp: new Date().toISOString(),
      data: { action: 'dtmf', status: 'performed', dtmfDigit: '5' },
    });
    sentMs.get(topic.callId)?.set(sequence, performance.now());
    bus.publishNow(topic.subject, text, { [realtimeHeaders.sequence]: String(sequence) });
    published += 1;
  };
  const startedMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    const goOn = () => {
      const due =
        ratePerSecond === null
          ? Math.floor(arrived / socketsPerTopic) + onTheirWay
          : Math.floor(((performance.now() - startedMs) / 1000) * ratePerSecond) + 1;
      while (published < Math.min(events, due)) publishOne();
    };
    const clock = setInterval(goOn, TICK_MS);
    const timer = setTimeout(() => {
      clearInterval(clock);
      reject(new Error(`${arrived} of ${wanted} deliveries arrived; ${lost} sockets were closed`));
    }, TIMEOUT_MS);
    onDelivery = (callId, sequence) => {
      const sent = sentMs.get(callId)?.get(sequence);
      if (sent === undefined) return;
      delaysMs[arrived] = performance.now() - sent;
      arrived += 1;
      if (arrived === wanted) {
        clearInterval(clock);
        clearTimeout(timer);
        resolve();
      } else if (ratePerSecond === null && arrived % socketsPerTopic === 0) goOn();
    };
    goOn();
  });
  const seconds = (performance.now() - startedMs) / 1000;
  const sorted = [...delaysMs];
  return { deliveries: wanted, seconds, p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99) };
};

createServer(async (request, response) => {
  if (request.method !== 'POST') return void response.end('ready');
  try {
    const order = await json(request);
    let answer: unknown = {};
    if (request.url === '/open') await openAll(order as OpenOrder);
    else if (request.url === '/publish') answer = await publish(order as PublishOrder);
    else throw new RangeError(`there is no ${request.url}`);
    response.end(JSON.stringify(answer));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}).listen(Number(process.env.PORT), '127.0.0.1');
