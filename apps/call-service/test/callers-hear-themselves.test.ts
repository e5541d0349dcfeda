import { waitFor } from '@switchboard/stack/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Browser, type Browsers, startBrowsers } from './support/browser.ts';
import { type HeardLeg, openLoopback } from './support/loopback.ts';

/** Real WebRTC against loopback: @roamhq/wrtc sends a tone, and hears what comes back. */
let browsers: Browsers;
let browser: Browser;
let loopback: ReturnType<typeof openLoopback>;

beforeAll(async () => {
  browsers = await startBrowsers();
});
afterAll(() => browsers?.end());
beforeEach(async (ctx) => {
  ctx.skip(browsers.missing !== null, browsers.missing ?? '');
  browser = await browsers.open();
});
afterEach(async () => {
  if (browsers.missing !== null) return;
  await browser.close();
  await loopback.driver.close();
});

const connect = async (call: HeardLeg, with_ = browser): Promise<void> => {
  await with_.answer(await call.answerTo(await with_.offer()));
  await waitFor(async () => (await with_.counts()).state === 'connected', {
    what: 'ICE and DTLS',
  });
};
const hears = (with_ = browser) =>
  waitFor(
    async () => {
      const heard = await with_.listen(200);
      return heard.loudness > 2_000 && heard.toneShare > 0.9;
    },
    { what: 'its own tone' },
  );
const hearsNothing = () => waitFor(async () => (await browser.listen(200)).loudness < 5, { what: 'silence' });
/** For calls that are not about it: a machine that stands still for a while is no page that is gone. */
const PATIENT = { mediaUpMs: 60_000, mediaGoneMs: 60_000 };
/** Of who stands still for seconds, packets are lost on the way; what always is lost is lost every time. */
const LOSES = { retry: 2 };

describe('a caller', () => {
  it('hears nothing before somebody answers', async () => {
    loopback = openLoopback({ ...PATIENT, noAnswerMs: 60_000 });
    const call = await loopback.start('+15005550002');
    await connect(call);
    expect((await browser.listen(300)).loudness).toBeLessThan(5);
    expect(call.story).not.toContain('answered');
  });

  it('hears itself from the answer on, but not while it is muted or on hold', LOSES, async () => {
    loopback = openLoopback({ ...PATIENT, answersAfterMs: 1_500 });
    const call = await loopback.start();
    await connect(call);
    await call.until('answered');
    await hears();
    for (const [off, on] of [
      ['mute', 'unmute'],
      ['hold', 'resume'],
    ] as const) {
      await call.leg.act({ action: off });
      await hearsNothing();
      await call.leg.act({ action: on });
      await hears();
    }
    await call.leg.act({ action: 'dtmf', dtmfDigit: '5' });
    await call.leg.act({ action: 'transfer', target: '+12025550199' });
    await waitFor(
      async () => {
        const { packetsSent, packetsReceived } = await browser.counts();
        return packetsSent > 100 && packetsReceived > 50;
      },
      { what: 'packets both ways' },
    );
    expect((await browser.counts()).packetsLost, 'what was left out is not told as lost').toBe(0);
    expect(call.story.filter((word) => word !== 'answer')).toEqual(['ringing', 'answered']);
  });

  it('goes on through another offer, a restart of ICE and a new page', LOSES, async () => {
    loopback = openLoopback(PATIENT);
    const call = await loopback.start();
    // What is no candidate, is of a name, or comes late hurts nothing.
    await call.leg.candidate({ candidate: 'candidate:1 1 udp 1 deadbeef.local 9 typ host', sdpMid: '0' });
    await connect(call);
    await call.leg.candidate({ candidate: '\0', sdpMid: 'none' });
    await call.leg.candidate(null);
    await hears();
    const before = await browser.offer();
    await browser.answer(await call.answerTo(before));
    await hears();
    const restarted = await browser.offer({ iceRestart: true });
    const answer = await call.answerTo(restarted);
    await browser.answer(answer);
    await hears();
    expect(await browser.counts()).toMatchObject({ state: 'connected', packetsLost: 0 });
    const page = await browsers.open();
    await connect(call, page);
    await hears(page);
    await hearsNothing();
    await page.close();
  });

  it('whose page is gone for too long loses the call', LOSES, async () => {
    loopback = openLoopback({ ...PATIENT, mediaGoneMs: 4_000 });
    const call = await loopback.start();
    await connect(call);
    await hears();
    const goneAt = performance.now();
    await browser.close();
    await call.until('failed media_failed');
    // The last packet may have come a while before.
    expect(performance.now() - goneAt).toBeGreaterThan(1_000);
    browser = await browsers.open();
  });

  it('that agrees on another certificate than it has gets no audio', async () => {
    loopback = openLoopback({ mediaUpMs: 700 });
    const call = await loopback.start();
    const offer = await browser.offer();
    const forged = offer.replace(
      /(a=fingerprint:sha-256 )([0-9A-F]{2})/,
      (_, name, byte) => name + (byte === '00' ? '01' : '00'),
    );
    await browser.answer(await call.answerTo(forged));
    await call.until('failed media_failed');
    expect(await browser.counts()).toMatchObject({ packetsReceived: 0 });
  });
});
