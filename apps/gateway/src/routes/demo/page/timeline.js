const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** The steps of a call, as they come. */
export const createTimeline = (list, emptyNote) => ({
  clear() {
    list.replaceChildren();
    emptyNote.hidden = false;
  },
  add(text, { at = new Date().toISOString(), tone = '' } = {}) {
    const item = document.createElement('li');
    const what = document.createElement('span');
    const when = document.createElement('time');
    what.textContent = text;
    when.textContent = time.format(new Date(at));
    when.dateTime = at;
    if (tone) item.dataset.tone = tone;
    item.append(what, when);
    list.append(item);
    list.scrollTop = list.scrollHeight;
    emptyNote.hidden = true;
  },
});
