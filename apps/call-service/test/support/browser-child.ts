import type { BrowserAnswer, BrowserRequest, Heard, PacketCounts } from './browser.ts';

/**
 * Browsers for tests: @roamhq/wrtc in a process of its own, which ends by SIGKILL: its native threads take a process down with
 * SIGSEGV when it exits by itself. Each sends a tone of 440 Hz and listens to what comes back.
 */
const RATE = 48_000;
const TONE_HZ = 440;
const FRAME_SAMPLES = 480;

const load = async () => (await import('@roamhq/wrtc')).default;
const wrtc = await load().catch((error: Error) => {
  process.send?.({ id: 0, error: error.message } satisfies BrowserAnswer);
  return null;
});

/** How much of a frequency there is (Goertzel), as a share of all energy: 1 is a clean tone. */
const toneShare = (samples: readonly number[], rate: number): number => {
  const coefficient = 2 * Math.cos((2 * Math.PI * TONE_HZ) / rate);
  let [before, last, energy] = [0, 0, 0];
  for (const sample of samples) {
    [before, last] = [last, sample + coefficient * last - before];
    energy += sample * sample;
  }
  if (energy === 0) return 0;
  return (2 * (last * last + before * before - coefficient * last * before)) / (samples.length * energy);
};

const createBrowser = (lib: NonNullable<typeof wrtc>) => {
  const { RTCAudioSource, RTCAudioSink } = lib.nonstandard;
  const connection = new lib.RTCPeerConnection();
  const source = new RTCAudioSource();
  const track = source.createTrack();
  connection.addTrack(track, new lib.MediaStream([track]));
  let sent = 0;
  const speaking = setInterval(() => {
    const samples = new Int16Array(FRAME_SAMPLES);
    for (let at = 0; at < FRAME_SAMPLES; at += 1, sent += 1)
      samples[at] = Math.round(8000 * Math.sin((2 * Math.PI * TONE_HZ * sent) / RATE));
    source.onData({
      samples,
      sampleRate: RATE,
      bitsPerSample: 16,
      channelCount: 1,
      numberOfFrames: FRAME_SAMPLES,
    });
  }, 10);
  let collected: number[] | null = null;
  let rate = RATE;
  connection.ontrack = ({ track: heard }: { readonly track: typeof track }) => {
    const sink = new RTCAudioSink(heard);
    sink.ondata = (data: { samples: Int16Array; sampleRate: number; channelCount?: number }) => {
      rate = data.sampleRate;
      for (let at = 0; at < data.samples.length; at += data.channelCount ?? 1)
        collected?.push(data.samples[at] ?? 0);
    };
  };
  return {
    async offer(options: { readonly iceRestart?: boolean }): Promise<string> {
      const offer = await connection.createOffer(options);
      await connection.setLocalDescription(offer);
      return offer.sdp ?? '';
    },
    answer: (sdp: string) => connection.setRemoteDescription({ type: 'answer', sdp }),
    async listen(ms: number): Promise<Heard> {
      const heard: number[] = [];
      collected = heard;
      await new Promise((resolve) => setTimeout(resolve, ms));
      collected = null;
      const energy = heard.reduce((sum, sample) => sum + sample * sample, 0);
      return { loudness: Math.sqrt(energy / Math.max(1, heard.length)), toneShare: toneShare(heard, rate) };
    },
    async counts(): Promise<PacketCounts> {
      let [packetsSent, packetsReceived, packetsLost] = [0, 0, 0];
      for (const report of (await connection.getStats()).values()) {
        if (report.type === 'outbound-rtp') packetsSent += report.packetsSent;
        if (report.type === 'inbound-rtp') {
          packetsReceived += report.packetsReceived;
          packetsLost += report.packetsLost;
        }
      }
      return { state: connection.connectionState, packetsSent, packetsReceived, packetsLost };
    },
    close() {
      clearInterval(speaking);
      connection.close();
    },
  };
};

const browsers = new Map<number, ReturnType<typeof createBrowser>>();

const answer = async (request: BrowserRequest): Promise<unknown> => {
  if (wrtc === null) throw new Error('there is no @roamhq/wrtc');
  if (request.act === 'open') {
    browsers.set(request.browser, createBrowser(wrtc));
    return null;
  }
  const browser = browsers.get(request.browser);
  if (browser === undefined) throw new Error('that browser is closed');
  if (request.act === 'offer') return browser.offer(request.options);
  if (request.act === 'answer') return browser.answer(request.sdp);
  if (request.act === 'listen') return browser.listen(request.ms);
  if (request.act === 'counts') return browser.counts();
  browsers.delete(request.browser);
  return browser.close();
};

process.on('message', (request: BrowserRequest) => {
  answer(request).then(
    (value) => process.send?.({ id: request.id, value }),
    (error: Error) => process.send?.({ id: request.id, error: error.message }),
  );
});
if (wrtc !== null) process.send?.({ id: 0, value: 'ready' } satisfies BrowserAnswer);
