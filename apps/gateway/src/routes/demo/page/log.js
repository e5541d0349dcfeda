import { sayAction, sayDuration, sayReason, sayState } from './words.js';

const PAGE = 10;
const when = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

const cell = (name, text) => {
  const element = document.createElement('td');
  element.className = name;
  element.textContent = text;
  return element;
};

const rowOf = (call) => {
  const row = document.createElement('tr');
  row.dataset.status = call.status;
  row.dataset.callId = call.callId;
  const actions = call.actions.map(({ type, ...rest }) => sayAction({ action: type, ...rest }));
  row.append(
    cell('when', when.format(new Date(call.startTime))),
    cell('name', call.customerName),
    cell('number', call.ani),
    cell('lasted', call.duration === null ? '' : sayDuration(call.duration)),
    cell('outcome', call.reason === null ? sayState(call.status) : sayReason(call.reason)),
    cell('actions', actions.join(', ')),
  );
  return row;
};

/** The call log, newest first, ten at a time. */
export const createLog = ({ body, emptyNote, more, onFault }) => {
  let cursor = null;
  let client = null;

  const load = async (from) => {
    if (!client) return;
    const asked = client;
    try {
      const page = await asked.listCalls({ limit: PAGE, ...(from ? { cursor: from } : {}) });
      if (asked !== client) return;
      const rows = page.calls.map(rowOf);
      if (from) body.append(...rows);
      else body.replaceChildren(...rows);
      cursor = page.nextCursor;
      more.hidden = !cursor;
      emptyNote.hidden = body.childElementCount > 0;
    } catch (error) {
      if (asked === client) onFault(error);
    }
  };
  more.addEventListener('click', () => load(cursor));

  return {
    use(next) {
      client = next;
    },
    refresh: () => load(null),
  };
};
