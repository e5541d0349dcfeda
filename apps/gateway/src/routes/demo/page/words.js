/** What the page says. Codes are the API's, and those of the call client. */
const FAULTS = {
  MICROPHONE_DENIED:
    'The microphone was not allowed. Allow it for this page (at the left of the address), then call again.',
  MICROPHONE_MISSING: 'No microphone was found. Connect one, then call again.',
  MICROPHONE_BUSY: 'The microphone cannot be read: another program may be using it.',
  MICROPHONE_UNAVAILABLE: 'The browser gives the microphone only to pages of https:// or http://localhost.',
  MEDIA_FAILED: 'No audio came through. A firewall may be in the way of UDP.',
  UNAUTHORIZED: 'The API key or its secret is wrong, or the key was ended.',
  CONNECTION_ERROR: 'The server cannot be reached, or cannot make calls right now. Try again in a moment.',
  SERVICE_UNAVAILABLE: 'The server is busy or starting. Try again in a moment.',
  UNCONFIRMED: 'The connection broke, and nobody knows whether that was done.',
  REPLACED: 'This call is followed in another window now.',
};

export const sayFault = (error) => {
  const { code, message, retryAfterSeconds, details = {} } = error;
  if (code === 'RATE_LIMIT_EXCEEDED') {
    return retryAfterSeconds ? `Too many requests. Try again in ${retryAfterSeconds} s.` : message;
  }
  // The server knows better which field it is.
  const [field] = Array.isArray(details.fields) ? details.fields : [];
  if (field) return `${field.field === 'phone' ? 'The number' : `“${field.field}”`} ${field.message}.`;
  return FAULTS[code] ?? message ?? 'Something went wrong.';
};

const STATES = {
  initializing: 'Calling …',
  ringing: 'Ringing …',
  connected: 'Connected',
  ended: 'Ended',
  failed: 'Failed',
};
export const sayState = (status) => STATES[status] ?? status;

const REASONS = {
  hangup: 'Hung up',
  remote_hangup: 'The far end hung up',
  busy: 'Busy',
  no_answer: 'No answer',
  rejected: 'Rejected',
  unreachable: 'Unreachable',
  media_failed: 'The audio failed',
  max_duration: 'The longest time was reached',
  service_lost: 'The server lost it',
};
export const sayReason = (reason) => REASONS[reason] ?? reason ?? '';

const ACTIONS = {
  mute: 'Muted',
  unmute: 'Unmuted',
  hold: 'On hold',
  resume: 'Resumed',
  transfer: 'Transferred',
  hangup: 'Hung up',
};
export const sayAction = ({ action, dtmfDigit, target, status }) => {
  const done = dtmfDigit ? `Key ${dtmfDigit}` : (ACTIONS[action] ?? action);
  return `${done}${target ? ` to ${target}` : ''}${status === 'failed' ? ' (not possible)' : ''}`;
};

export const sayDuration = (seconds) => {
  const rest = String(seconds % 60).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes}:${rest}`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
};
