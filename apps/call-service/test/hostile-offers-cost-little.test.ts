import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { AppError } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type HeardLeg, openLoopback } from './support/loopback.ts';
import { offerOf, SHA256 } from './support/offers.ts';
import { bindingRequest } from './support/stun.ts';

/** What a caller, or a stranger who knows the port, can do to a process with everybody's calls: nothing. */
const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at));
const video = 'm=video 9 UDP/TLS/RTP/SAVPF 96';

const refused: Readonly<Record<string, string>> = {
  'nothing like SDP': 'hello',
  'a NUL in it': offerOf().replace('s=-', 's=\0'),
  'no media': 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n',
  'video alone': offerOf({ media: video }),
  'no Opus': offerOf().replace('opus/48000', 'PCMU/8000'),
  'audio that is given up': offerOf({ media: 'm=audio 0 UDP/TLS/RTP/SAVPF 111' }),
  'audio without keys': offerOf({ media: 'm=audio 9 RTP/AVP 111' }),
  'a line m= of nonsense': offerOf({ more: ['m=audio'] }),
  'control characters in a name': offerOf({ more: [video, 'a=mid:\u0001\u0002'] }),
  'no fingerprint': offerOf().replace(/a=fingerprint.*\r\n/, ''),
  'a fingerprint that is too short': offerOf().replace(SHA256, 'AB:CD'),
  'a fingerprint of MD5': offerOf().replace('sha-256', 'md5'),
  'no password': offerOf().replace(/a=ice-pwd.*\r\n/, ''),
  'a password that is too short': offerOf().replace(/a=ice-pwd:.*\r\n/, 'a=ice-pwd:x\r\n'),
  'no rtcp-mux': offerOf().replace('a=rtcp-mux\r\n', ''),
  'a server of DTLS': offerOf().replace('actpass', 'passive'),
  'ICE lite': offerOf({ session: ['a=ice-lite'] }),
  'thousands of sections': offerOf({ more: times(2_000, () => video) }),
  'more than a socket takes': offerOf({ more: times(10_000, () => 'a=x:yyyyyyyyyy') }),
};
const answered: Readonly<Record<string, string>> = {
  'thousands of candidates': offerOf({
    more: times(1_000, (at) => `a=candidate:${at} 1 udp 1 10.0.0.${at % 256} ${at} typ host`),
  }),
  'candidates of names and nonsense': offerOf({
    more: ['a=candidate:1 1 udp 1 x.local 9 typ host', 'a=candidate:', 'a=candidate:1 1 udp x'],
  }),
  'video and data beside it': offerOf({
    more: [video, 'a=mid:1', 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:2'],
  }),
  'groups of sections that do not exist': offerOf({ session: ['a=group:BUNDLE 7 8', 'a=group:BUNDLE'] }),
  'lines without a carriage return': offerOf().replaceAll('\r\n', '\n'),
  'only sending': offerOf().replace('sendrecv', 'sendonly'),
  'a foreign fingerprint beside its own': offerOf({ session: [`a=fingerprint:sha-512 ${SHA256}:${SHA256}`] }),
  'bytes of every kind': offerOf({ more: ['a=\ud800', `a=${'\u0001'.repeat(1_000)}`, 'a=__proto__:x'] }),
};

let loopback: ReturnType<typeof openLoopback>;
let call: HeardLeg;
let stranger: Socket;
const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
beforeAll(() => {
  process.on('unhandledRejection', note);
});
afterAll(() => {
  process.off('unhandledRejection', note);
});
beforeEach(async () => {
  loopback = openLoopback();
  call = await loopback.start();
  stranger = createSocket('udp4').bind(0, '127.0.0.1');
  await once(stranger, 'listening');
});
afterEach(async () => {
  stranger.close();
  await loopback.driver.close();
  expect(unhandled.splice(0)).toEqual([]);
});

const goesOn = async () => {
  await call.until('answered');
  expect(await call.answerTo(offerOf())).toContain('a=rtpmap:111 opus/48000/2');
};
const attributeOf = (sdp: string, name: string) => new RegExp(`a=${name}:(.*)\r\n`).exec(sdp)?.[1] ?? '';
const credentialsOf = (sdp: string) => ({
  username: `${attributeOf(sdp, 'ice-ufrag')}:uULZ`,
  password: attributeOf(sdp, 'ice-pwd'),
  port: Number(/ 127\.0\.0\.1 (\d+) typ host/.exec(sdp)?.[1]),
});

describe('an offer', () => {
  it.each(Object.entries(refused))('with %s is refused in words, and the call goes on', async (_, sdp) => {
    const error = await call.leg.offer(sdp).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('sdp: ') });
    await goesOn();
  });

  it.each(Object.entries(answered))('with %s is answered', async (_, sdp) => {
    const answer = await call.answerTo(sdp);
    // As many sections as were offered, in their order (RFC 3264, 6).
    const kindsOf = (text: string) => [...text.matchAll(/^m=(\w+)/gm)].map(([, kind]) => kind);
    expect(kindsOf(answer)).toEqual(kindsOf(sdp));
    expect(answer).toMatch(/^m=audio [1-9]\d* UDP\/TLS\/RTP\/SAVPF 111 110 126\r$/m);
    await goesOn();
  });

  it('of any kind is answered or refused as invalid', async () => {
    const base = offerOf().split('\r\n');
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(...base),
      fc.constantFrom('m=', 'a=', 'a=mid:', 'm=audio 9 a b'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 40 }), fc.nat(base.length), async (more, at) => {
        const other = await loopback.start();
        const sdp = [...base.slice(0, at), ...more, ...base.slice(at)].join('\r\n');
        const error = await other.leg.offer(sdp).catch((reason: unknown) => reason);
        await other.leg.end();
        if (error !== undefined) expect(error).toMatchObject({ code: 'INVALID_INPUT' });
      }),
      { numRuns: 300 },
    );
    await goesOn();
  });

  it('after too many others waits', async () => {
    const outcomes = await Promise.allSettled(times(40, () => offerOf()).map((sdp) => call.leg.offer(sdp)));
    const reasons = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    expect(reasons).toEqual(Array<string>(10).fill('RATE_LIMIT_EXCEEDED'));
  });
});

describe('the port of audio', () => {
  it('answers only who knows the password of a call', async () => {
    const { username, password, port } = credentialsOf(await call.answerTo(offerOf()));
    const answers: Buffer[] = [];
    stranger.on('message', (packet) => void answers.push(packet));
    for (const packet of [
      bindingRequest(username, 'x'.repeat(32)),
      bindingRequest('nobody:uULZ', password),
      bindingRequest(`${username}x`, password),
      bindingRequest(username, password).subarray(0, 60),
      ...times(200, () => randomBytes(1 + Math.floor(Math.random() * 100))),
    ])
      stranger.send(packet, port, '127.0.0.1');
    const genuine = bindingRequest(username, password);
    stranger.send(genuine, port, '127.0.0.1');
    await waitFor(() => answers.length > 0, { what: 'the answer to the one that knows' });
    expect(answers).toHaveLength(1);
    expect(answers[0]?.readUInt16BE(0)).toBe(0x0101);
    expect(answers[0]?.subarray(8, 20).equals(genuine.subarray(8, 20))).toBe(true);
    await goesOn();
  });

  it('bears nonsense of DTLS and RTP from a caller', async () => {
    const { username, password, port } = credentialsOf(await call.answerTo(offerOf()));
    const record = (type: number, body: Buffer) =>
      Buffer.concat([
        Buffer.from([type, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, body.length >> 8, body.length & 255]),
        body,
      ]);
    const hello = Buffer.concat([Buffer.from([1, 0, 0, 50, 0, 0, 0, 0, 0, 0, 0, 50]), randomBytes(50)]);
    stranger.send(bindingRequest(username, password), port, '127.0.0.1');
    await once(stranger, 'message');
    for (const packet of [
      ...times(100, () => record(22, hello)),
      ...[20, 21, 22, 23].flatMap((type) => times(60, () => record(type, randomBytes(40)))),
      ...[1, 2, 11, 14, 15, 16, 20].map((type) =>
        record(22, Buffer.from([type, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
      ),
      ...times(100, () => Buffer.concat([Buffer.from([0x80]), randomBytes(20)])),
      Buffer.from([22]),
      Buffer.from([0x80]),
      Buffer.alloc(0),
    ])
      stranger.send(packet, port, '127.0.0.1');
    stranger.send(bindingRequest(username, password), port, '127.0.0.1');
    await once(stranger, 'message');
    await goesOn();
  });

  it('gives a handshake no more time and memory than it needs, however its messages lie in packets', async () => {
    const { username, password, port } = credentialsOf(await call.answerTo(offerOf()));
    const message = (type: number, says: { length: number; from?: number; bytes?: number }, body: Buffer) => {
      const head = Buffer.alloc(25);
      head.set([22, 0xfe, 0xfd]);
      head.writeUInt16BE(12 + body.length, 11);
      head.writeUInt8(type, 13);
      head.writeUIntBE(says.length, 14, 3);
      head.writeUIntBE(says.from ?? 0, 19, 3);
      head.writeUIntBE(says.bytes ?? body.length, 22, 3);
      return Buffer.concat([head, body]);
    };
    const suites = Buffer.from([0, 0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 8, 0, 10, 0, 4, 0, 2, 0, 0x17]);
    const helloBody = Buffer.concat([Buffer.from([0xfe, 0xfd]), randomBytes(32), suites]);
    const hello = message(1, { length: helloBody.length }, helloBody);
    const alert = Buffer.from([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0]);
    // Two parts of nothing that say they make 16 MB, once in a row and once as a whole.
    const huge = { length: 0xffffff };
    const parts = [
      message(11, huge, Buffer.alloc(0)),
      message(11, { ...huge, from: huge.length }, Buffer.alloc(0)),
      message(16, { ...huge, bytes: huge.length }, Buffer.alloc(20)),
    ];
    const allocated = vi.spyOn(Buffer, 'alloc');
    let verifications = 0;
    stranger.send(bindingRequest(username, password), port, '127.0.0.1');
    await once(stranger, 'message');
    stranger.on('message', (packet) => {
      if (packet[0] === 22) verifications += 1;
    });
    const dozens = Buffer.concat([alert, ...times(20, () => hello)]);
    for (const packet of [...times(10, () => Buffer.concat(parts)), ...times(10, () => dozens)])
      stranger.send(packet, port, '127.0.0.1');
    await waitFor(() => verifications > 0, { what: 'an answer to a hello' });
    stranger.send(bindingRequest(username, password), port, '127.0.0.1');
    while (((await once(stranger, 'message')) as [Buffer])[0][0] === 22);
    expect(verifications).toBeLessThanOrEqual(16);
    expect(Math.max(...allocated.mock.calls.map(([bytes]) => bytes))).toBeLessThan(1_000_000);
    allocated.mockRestore();
    await goesOn();
  });

  it('is all that calls leave open, and nothing is left of it either', async () => {
    const count = (kind: string) => process.getActiveResourcesInfo().filter((name) => name === kind).length;
    await call.leg.end();
    await loopback.driver.close();
    await waitFor(() => count('UDPWrap') === 1, { what: 'none but the socket of this test' });
    const timers = count('Timeout');
    loopback = openLoopback({ answersAfterMs: 600_000 });
    const calls = await Promise.all(times(200, () => loopback.start()));
    await Promise.all(calls.map((one) => one.answerTo(offerOf())));
    expect(count('UDPWrap') - 1, 'one for IPv4, perhaps one for IPv6').toBeLessThanOrEqual(2);
    await Promise.all(calls.map((one, at) => (at % 2 === 0 ? one.leg.end() : one.leg.release())));
    await loopback.driver.close();
    await waitFor(() => count('UDPWrap') === 1, { what: 'the port to be closed' });
    await waitFor(() => count('Timeout') <= timers + 1, { what: 'the timers of the calls to be gone' });
  });
});
