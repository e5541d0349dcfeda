import { createCallClient, openMicrophone } from '/demo/call-client/index.js';
import { keepCredentials, readCredentials, shorten } from './credentials.js';
import { createLog } from './log.js';
import { createMeters } from './meters.js';
import { createTimeline } from './timeline.js';
import { sayAction, sayDuration, sayFault, sayReason, sayState } from './words.js';

const at = (id) => document.getElementById(id);
const timeline = createTimeline(at('timeline'), at('nothing'));
const log = createLog({
  body: at('log'),
  emptyNote: at('log-empty'),
  more: at('more'),
  onFault: (error) => showFault(error),
});

let client = null;
/** The call that this page shows; null before it began and after its end. */
let call = null;
let isBusy = false;
/** Somebody hung up before the server had answered. */
let wantsEnd = false;

/* Faults, in words. */

const showAlert = (text) => {
  at('alert-text').textContent = text;
  at('alert').hidden = text === '';
};
const showFault = (error) => {
  showAlert(sayFault(error));
  if (error.code === 'UNAUTHORIZED') askForKey();
};
at('alert-close').addEventListener('click', () => showAlert(''));

/* The key. */

const askForKey = () => {
  at('key-form').hidden = false;
  at('key-shown').hidden = true;
  at('api-key').focus();
};
const useKey = (credentials) => {
  client = createCallClient({ baseUrl: `${location.origin}/api/v1`, ...credentials });
  at('key-form').hidden = true;
  at('key-shown').hidden = false;
  at('key-shown').title = shorten(credentials.apiKey);
  log.use(client);
  log.refresh();
};
at('key-shown').addEventListener('click', askForKey);
at('key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const credentials = { apiKey: at('api-key').value.trim(), apiSecret: at('api-secret').value.trim() };
  keepCredentials(credentials);
  showAlert('');
  useKey(credentials);
  at('call').focus();
});

/* Numbers to rehearse with. */

const numbers = [...document.querySelectorAll('[data-number]')];
const markNumber = () => {
  for (const button of numbers) {
    button.setAttribute('aria-pressed', String(button.dataset.number === at('number').value));
  }
};
for (const button of numbers) {
  button.addEventListener('click', () => {
    at('number').value = button.dataset.number;
    markNumber();
  });
}
at('number').addEventListener('input', markNumber);
markNumber();

/* What is shown in each phase: idle, calling, connected. */

const keys = [...document.querySelectorAll('[data-key]')];
const showPhase = (phase) => {
  document.body.dataset.phase = phase;
  at('dial').hidden = phase !== 'idle';
  at('live').hidden = phase === 'idle';
  for (const button of [at('mute'), at('hold'), ...keys]) button.disabled = phase !== 'connected';
};
const showControls = ({ isMuted, isOnHold }) => {
  at('mute').setAttribute('aria-pressed', String(isMuted));
  at('hold').setAttribute('aria-pressed', String(isOnHold));
};
const showConnection = ({ connection }) => {
  const isLost = connection === 'reconnecting';
  if (isLost && at('connection').hidden) timeline.add('Connection lost', { tone: 'wait' });
  if (connection === 'open' && !at('connection').hidden) timeline.add('Connection is back', { tone: 'good' });
  at('connection').hidden = !isLost;
  at('connection').textContent = isLost ? 'Connection lost. The call goes on; reconnecting …' : '';
};
setInterval(() => {
  const since = call?.connectedAt && Date.parse(call.connectedAt);
  at('clock').textContent = since ? sayDuration(Math.max(0, Math.floor((Date.now() - since) / 1000))) : '';
}, 500);

/** Where the far end is heard. */
const far = new Audio();
const playFarEnd = (stream) => {
  far.srcObject = stream;
  // A browser may keep sound from a page that was not touched for a while.
  far.play().catch(() => addEventListener('pointerdown', () => far.play(), { once: true }));
};

/* One call from its beginning to its end. */

const TONES = { ringing: 'wait', connected: 'good' };

const follow = (started, meters) => {
  // The audio is often there before anybody answers; it flows from then on.
  let isAnswered = false;
  let isAudioThere = false;
  const sayAudio = () => {
    if (isAnswered && isAudioThere) timeline.add('Audio flows', { tone: 'good' });
  };
  started.on('state', ({ status, at: when }) => {
    if (status === 'ended' || status === 'failed') return;
    at('state').textContent = sayState(status);
    timeline.add(sayState(status).replace(' …', ''), { at: when, tone: TONES[status] });
    if (status !== 'connected') return;
    showPhase('connected');
    isAnswered = true;
    sayAudio();
  });
  started.on('frame', ({ type, timestamp }) => {
    if (type === 'call.initialized') timeline.add('The call begins', { at: timestamp });
  });
  started.on('action', (action) => timeline.add(sayAction(action), { at: action.at }));
  started.on('controls', showControls);
  started.on('connection', showConnection);
  started.on('audio', ({ state }) => {
    isAudioThere = state === 'connected';
    if (isAudioThere) sayAudio();
    if (state === 'interrupted') timeline.add('Audio is interrupted', { tone: 'wait' });
  });
  started.on('remotestream', ({ stream }) => {
    playFarEnd(stream);
    meters.show(at('level-in'), stream);
  });
  started.on('error', (error) => {
    // Why a call came to nothing is said by its end.
    if (started.end === undefined && sayReason(error.code) === error.code) showFault(error);
  });
};

const showEnd = ({ status, reason, duration, endTime }) => {
  const text =
    status === 'failed' ? sayReason(reason) : `${sayReason(reason)} after ${sayDuration(duration)}`;
  timeline.add(text, { at: endTime, tone: status === 'failed' ? 'bad' : '' });
  at('summary').textContent = text;
  at('summary').hidden = false;
};

const begin = async () => {
  showAlert('');
  wantsEnd = false;
  const meters = createMeters();
  let stream;
  try {
    stream = await openMicrophone();
    meters.show(at('level-out'), stream);
    timeline.clear();
    at('summary').hidden = true;
    at('live-name').textContent = at('name').value;
    at('live-number').textContent = at('number').value;
    at('state').textContent = sayState('initializing');
    showControls({ isMuted: false, isOnHold: false });
    showPhase('calling');
    at('state').focus();
    call = await client.startCall({
      name: at('name').value,
      phone: at('number').value,
      callType: 'outbound',
      metadata: { from: 'demo page' },
    });
    follow(call, meters);
    // A call that ends before its audio flows says so by itself.
    call.connectAudio({ stream }).catch((error) => {
      if (error.code !== 'CALL_NOT_ACTIVE') showFault(error);
    });
    if (wantsEnd) perform((live) => live.hangUp());
    showEnd(await call.whenOver());
  } catch (error) {
    showFault(error);
  } finally {
    call?.close();
    call = null;
    far.srcObject = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    meters.close();
    at('connection').hidden = true;
    const hadFocus = at('live').contains(document.activeElement);
    showPhase('idle');
    if (hadFocus) at('call').focus();
    log.refresh();
  }
};

at('dial').addEventListener('submit', async (event) => {
  event.preventDefault();
  if (!client) return askForKey();
  if (isBusy) return;
  isBusy = true;
  at('call').disabled = true;
  await begin();
  isBusy = false;
  at('call').disabled = false;
});

/** Does what a button says, and tells when it could not be done. */
const perform = async (act) => {
  if (!call) return;
  try {
    await act(call);
  } catch (error) {
    if (error.code !== 'CALL_NOT_ACTIVE') showFault(error);
  }
};
at('mute').addEventListener('click', () => perform((live) => (live.isMuted ? live.unmute() : live.mute())));
at('hold').addEventListener('click', () => perform((live) => (live.isOnHold ? live.resume() : live.hold())));
at('hang-up').addEventListener('click', () => {
  wantsEnd = true;
  at('state').textContent = 'Hanging up …';
  perform((live) => live.hangUp());
});

/* One key after the other, in the order in which they were pressed. */
let pressed = Promise.resolve();
const press = (digit) => {
  pressed = pressed.then(() => perform((live) => live.sendDtmf(digit)));
};
for (const button of keys) button.addEventListener('click', () => press(button.dataset.key));
addEventListener('keydown', ({ key, target, ctrlKey, altKey, metaKey, repeat }) => {
  const isTyping = target instanceof HTMLInputElement;
  if (isTyping || ctrlKey || altKey || metaKey || repeat || document.body.dataset.phase !== 'connected')
    return;
  if (/^[0-9*#]$/.test(key)) press(key);
});

at('refresh').addEventListener('click', () => log.refresh());

/* Whoever leaves the page leaves the call. */
addEventListener('pagehide', () => {
  if (call && call.end === undefined) client.endCall(call.callId, { keepalive: true }).catch(() => undefined);
});

const credentials = readCredentials();
if (credentials?.apiKey && credentials.apiSecret) useKey(credentials);
else askForKey();
