// The waterfall of a page: when its first byte left, what sources were asked, which slots waited.

const one = (selector) => document.querySelector(selector);
const rows = one('#waterfall .rows');
const past = new Map(); // by page and visitor: { first, last } of each load
const KEPT = 24;

const ms = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1)) + ' ms';

export function waterfall(report) {
  one('#waterfall').toggleAttribute('data-none', !report);
  if (!report) return void rows.replaceChildren();
  const { first, last } = report.timeline;
  one('.first .ms').textContent = ms(first);
  one('.first .last').textContent = ms(last);
  remember(report);
  const lines = [page(report), ...sources(report.sources), ...slots(report.slots)];
  // A page without anything slow still has room to be looked at.
  const end = Math.max(40, ...lines.map((line) => line.to)) * 1.04;
  rows.style.setProperty('--first', first / end);
  rows.replaceChildren(axis(end), ...lines.map((line) => row(line, end)));
}

function page({ timeline: { first, last } }) {
  return { kind: 'page', name: 'the page', from: first, to: last, word: 'as it leaves', bars: [[first, last]] };
}

/** Questions to one source that came to the same by the same calls are one line. */
function sources(list) {
  const groups = new Map();
  for (const source of list) {
    const key = [source.name, source.how, source.error].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), source]);
  }
  return [...groups.values()].map((group) => {
    const [{ name, how, error, arguments: told }] = group;
    const calls = new Map(group.filter(({ call }) => call).map(({ call }) => [call.number, call]));
    const bars = [...calls.values()].map(({ began, milliseconds }) => [began, began + milliseconds]);
    const from = Math.min(...group.map(({ asked }) => asked));
    const to = Math.max(...group.map(({ asked, milliseconds }) => asked + milliseconds));
    const many = group.length > 1 ? `${group.length} asked` : `(${told})`;
    const by = calls.size && group.length > 1 ? `, ${calls.size} ${calls.size === 1 ? 'call' : 'calls'}` : '';
    return { kind: how, name, detail: many + by, from, to, word: WORDS[how], why: error, bars: bars.length ? bars : [[from, to]] };
  });
}

const WORDS = { fetched: 'fetched', fresh: 'kept, fresh', stale: 'an older answer', fallback: 'its fallback', failed: 'failed', late: 'still waiting' };

/** Slots that the page waited for, those of one rule together. */
function slots(list) {
  const groups = new Map();
  for (const slot of list.filter(({ opened, settled, reason }) => settled - opened > 1 || reason)) {
    const key = [slot.rule, slot.outcome, slot.reason].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), slot]);
  }
  return [...groups.values()].map((group) => {
    const [{ rule, outcome, reason }] = group;
    const from = Math.min(...group.map(({ opened }) => opened));
    const to = Math.max(...group.map(({ settled }) => settled));
    const many = group.length > 1 ? `${group.length} slots` : group[0].place;
    const is = outcome === 'shown' ? 'shown' : reason === 'late' ? 'late' : 'kept';
    const word = is === 'shown' ? 'shown' : is === 'late' ? 'late: the shop’s own stays' : 'the shop’s own stays';
    return { kind: `slot ${is}`, name: rule, detail: many, from, to, word, why: is === 'kept' ? reason : null, bars: [[from, to]] };
  });
}

function row({ kind, name, detail, bars, word, why, to }, end) {
  const line = element('div', `row ${kind}`);
  const head = line.appendChild(element('span', 'name'));
  head.append(element('b', '', name), element('small', '', detail ?? ''));
  const track = line.appendChild(element('span', 'track'));
  for (const [from, until] of bars) {
    const bar = track.appendChild(element('i', ''));
    bar.style.setProperty('--from', from / end);
    bar.style.setProperty('--to', until / end);
  }
  const told = line.appendChild(element('span', 'word', `${word} `));
  told.append(element('span', 'time', ms(to)));
  if (why) {
    line.title = why;
    told.prepend(element('span', 'why', `${why} `));
  }
  return line;
}

function axis(end) {
  const line = element('div', 'axis');
  line.append(element('span', 'name', ''));
  const track = line.appendChild(element('span', 'track'));
  const step = [5, 10, 20, 50, 100, 200, 500, 1000].find((step) => end / step <= 6) ?? 2000;
  for (let at = 0; at < end; at += step) {
    const tick = track.appendChild(element('i', '', `${at}`));
    tick.style.setProperty('--from', at / end);
  }
  line.append(element('span', 'word', 'ms'));
  return line;
}

/** Earlier loads: the first byte stands still while the last one moves. */
function remember({ visitor, place, timeline: { first, last } }) {
  const key = `${visitor}${place}`;
  const loads = [...(past.get(key) ?? []), { first, last }].slice(-KEPT);
  past.set(key, loads);
  const top = Math.max(40, ...loads.map(({ last }) => last));
  one('.past').replaceChildren(...loads.map((load) => {
    const item = element('li', '');
    item.title = `first byte ${ms(load.first)}, last ${ms(load.last)}`;
    item.style.setProperty('--a', load.first / top);
    item.style.setProperty('--b', load.last / top);
    return item;
  }));
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
