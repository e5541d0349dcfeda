// Starts a call, follows it live through broken connections, hangs up, and shows what is kept of it.
//
//   API_KEY=ak_… API_SECRET=as_… node follow-call.mjs [phone] [name]
//
// Node.js 22 or newer and nothing else. In a browser the part from `follow` on is the same; the keys stay on your server,
// which gives the page `callId` and `wsUrl`.
const { BASE_URL = 'http://localhost:3000', API_KEY = '', API_SECRET = '' } = process.env;
const [phone = '+15005550005', name = 'John Doe'] = process.argv.slice(2);
const TALK_MS = 2_000;

/** Asks the API; throws what the answer says is wrong. */
const ask = async (method, path, body) => {
  const response = await fetch(`${BASE_URL}/api/v1${path}`, {
    method,
    headers: {
      'X-API-Key': API_KEY,
      'X-API-Secret': API_SECRET,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const answer = await response.json();
  if (answer.success) return answer.data;
  throw new Error(`${method} ${path}: ${response.status} ${answer.error.code}: ${answer.error.message}`);
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One connection, until it closes. */
const connect = (url, onFrame) =>
  new Promise((resolve) => {
    const socket = new WebSocket(url);
    socket.onmessage = ({ data }) => onFrame(JSON.parse(data));
    socket.onclose = ({ code, reason }) => resolve({ code, reason });
  });

/** Everything that happens to a call, each frame once and in order, however often the connection breaks. */
const follow = async (callId, wsUrl, onFrame) => {
  const url = new URL(wsUrl);
  let lastSequence = 0;
  let isOver = false;
  for (let failures = 0; ; failures += 1) {
    const { code, reason } = await connect(url, (frame) => {
      // What is not newer is no part of the history: an answer to this connection alone.
      if (frame.sequence <= lastSequence) return;
      lastSequence = frame.sequence;
      isOver = frame.type === 'call.ended';
      failures = 0;
      onFrame(frame);
    });
    if (isOver || code === 1000) return;
    // There is no such call, or another connection uses this ticket: that does not get better.
    if (code === 4404 || code === 4409 || code === 4400) throw new Error(`closed with ${code} ${reason}`);
    if (code === 4401) {
      // Ten minutes without a connection: the ticket is no longer good.
      if (failures > 3) throw new Error('no ticket is taken');
      const fresh = await ask('POST', `/calls/${callId}/tickets`);
      url.search = new URL(fresh.wsUrl).search;
    }
    url.searchParams.set('since', String(lastSequence));
    await pause(Math.min(30_000, 250 * 2 ** failures) * (0.5 + Math.random()));
  }
};

const { callId, wsUrl } = await ask('POST', '/calls', { name, phone, callType: 'outbound' });
console.log(`call ${callId}`);
await follow(callId, wsUrl, ({ sequence, timestamp, type, data }) => {
  console.log(`${sequence} ${timestamp} ${type} ${JSON.stringify(data)}`);
  if (type === 'call.connected')
    setTimeout(() => ask('POST', `/calls/${callId}/end`).catch(console.error), TALK_MS);
});
const log = await ask('GET', `/call-logs/${callId}`);
console.log(`${log.status} (${log.reason}) after ${log.duration} s`);
