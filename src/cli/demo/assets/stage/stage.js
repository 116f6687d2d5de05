// The stage: two frames, one visitor, one page, and what the trace of it says.
//
// The address holds the state (`#ann/shop/`). Inlay's frame is loaded first; its trace's number then goes into the address of
// the origin's frame, so that both show one and the same response of the origin.

import { calls, changed, look } from './world.js';
import { open, rules } from './rules.js';
import { waterfall } from './waterfall.js';

const one = (selector, from = document) => from.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
const frames = { origin: one('figure[data-side="origin"] iframe'), inlay: one('figure[data-side="inlay"] iframe') };
const sides = Object.keys(frames);
const number = new Intl.NumberFormat('en').format;

let state = read();
let report = null; // of the page in Inlay's frame
let groups = []; // its slots, those of one rule and one place together
let chosen = 0;
const hosts = await resolves();

// -- addresses --

function read() {
  const [, visitor, place] = location.hash.match(/^#(\w+)(\/.*)$/) ?? [];
  const known = all('input[name="visitor"]').map((input) => input.value);
  return known.includes(visitor) ? { visitor, place } : { visitor: known[0], place: '/' };
}

/** Whether names below `localhost` resolve here; where they do not, the query says who asks. */
async function resolves() {
  if (!['localhost', '127.0.0.1', '[::1]'].includes(location.hostname)) return false;
  const ping = `${location.protocol}//ann.shop.localhost:${location.port}/_stage/ping`;
  try {
    const answer = await fetch(ping, { cache: 'no-store', signal: AbortSignal.timeout(1500) });
    return (await answer.text()) === 'here';
  } catch {
    return false;
  }
}

function address(side, of) {
  const host = `${state.visitor}${side === 'origin' ? '.shop' : ''}.localhost:${location.port}`;
  const url = new URL(state.place, hosts ? `${location.protocol}//${host}` : location.origin);
  if (!hosts) {
    url.searchParams.set('visitor', state.visitor);
    url.searchParams.set('side', side);
  }
  if (of !== undefined && of !== null) url.searchParams.set('of', of);
  return url.href;
}

// -- showing a page --

function show(next, { remember = true } = {}) {
  state = { ...state, ...next };
  const hash = `#${state.visitor}${state.place}`;
  if (remember && location.hash !== hash) history.pushState(null, '', hash);
  setControls();
  for (const side of sides) frames[side].closest('figure').classList.add('loading');
  load('inlay');
}

function load(side, of) {
  const url = address(side, of);
  const link = one('a', frames[side].closest('figure'));
  link.href = address(side);
  // Not the frame's `src`: replacing leaves no entry in the history.
  frames[side].contentWindow.location.replace(url);
}

function setControls() {
  one(`input[value="${state.visitor}"]`).checked = true;
  one('.who').textContent = one(`input[value="${state.visitor}"]`).parentElement.querySelector('b').textContent;
  const pages = one('#page');
  let option = [...pages.options].find(({ value }) => value === state.place);
  one('option[data-other]', pages)?.remove();
  if (!option) {
    option = new Option(state.place, state.place);
    option.dataset.other = '';
    pages.append(option);
  }
  option.selected = true;
}

// -- what frames say --

const heard = {
  async ready(side, { place, trace }) {
    frames[side].closest('figure').classList.remove('loading');
    if (side === 'origin') {
      if (place !== state.place) return show({ place }); // a form was sent in the origin's frame
      return label('origin');
    }
    if (place !== state.place) {
      state.place = place; // a redirect, or a form
      history.replaceState(null, '', `#${state.visitor}${place}`);
      setControls();
    }
    load('origin', trace);
    report = trace === null ? null : await fetch(`/_stage/trace/${trace}`).then((answer) => (answer.ok ? answer.json() : null));
    tellOf(report);
    label('inlay');
    label('origin');
  },
  go: (side, { place }) => show({ place }),
  over(side, { number }) {
    const at = groups.findIndex(({ numbers }) => numbers.includes(number));
    all('.list button').forEach((button, index) => button.classList.toggle('lit', index === at));
    if (at >= 0) all('.list button')[at].scrollIntoView({ block: 'nearest' });
    say(other(side), 'light', { numbers: number === null ? [] : [number] });
  },
  scroll: (side, { share }) => say(other(side), 'scroll', { share }),
};

const other = (side) => sides.find((each) => each !== side);
const say = (side, kind, more) => frames[side].contentWindow.postMessage({ inlay: kind, ...more }, '*');

function label(side) {
  const labels = (report?.slots ?? []).map(({ rule, place, outcome }) => ({ rule, place, kept: outcome !== 'shown' }));
  say(side, 'labels', { labels, outlines: one('#outlines').checked });
}

addEventListener('message', ({ source, data }) => {
  const side = sides.find((each) => frames[each].contentWindow === source);
  if (side && data?.visitor === state.visitor) heard[data.inlay]?.(side, data);
});

// -- the panel --

function tellOf(report) {
  const { state: verdictState, verdict, figures } = judge(report);
  one('.proof').dataset.state = verdictState;
  one('.verdict').textContent = verdict;
  one('.figures').textContent = figures;
  waterfall(report);
  calls(report?.calls);
  groups = grouped(report?.slots ?? []);
  one('.count').textContent = report ? report.slots.length : '';
  one('.list').replaceChildren(...groups.map(entry));
  const seen = groups.findIndex(({ outcome, place }) => outcome === 'shown' && !/ (head|title|html|body)$/.test(place));
  choose(Math.max(0, seen));
}

function judge(report) {
  if (!report) return { state: 'untouched', verdict: 'Passed through untouched', figures: 'No rule has this page, or its path is protected.' };
  const { proof, origin_bytes, served_bytes } = report;
  const figures = `${number(origin_bytes)} bytes came, ${number(served_bytes)} left`;
  if (!proof.holds) return { state: 'broken', verdict: `Not proven: it ${proof.problem}`, figures };
  const slots = `${proof.slots} ${proof.slots === 1 ? 'slot' : 'slots'}`;
  return { state: 'holds', verdict: `Outside ${slots}: identical, ${number(proof.bytes)} bytes`, figures };
}

function grouped(slots) {
  const found = new Map();
  slots.forEach((slot, index) => {
    const key = JSON.stringify([slot.rule, slot.place, slot.outcome, slot.reason]);
    const group = found.get(key) ?? { ...slot, numbers: [] };
    group.numbers.push(index);
    found.set(key, group);
  });
  return [...found.values()];
}

function entry(group, index) {
  const button = document.createElement('button');
  button.type = 'button';
  const name = button.appendChild(document.createElement('b'));
  name.textContent = group.rule;
  if (group.numbers.length > 1) {
    const times = name.appendChild(document.createElement('span'));
    times.className = 'times';
    times.textContent = `  × ${group.numbers.length}`;
  }
  button.appendChild(document.createElement('small')).textContent = group.place;
  const outcome = button.appendChild(document.createElement('span'));
  outcome.className = `outcome ${group.outcome}`;
  outcome.textContent = group.reason ?? group.outcome;
  button.addEventListener('mouseenter', () => lightAll(group.numbers));
  button.addEventListener('mouseleave', () => lightAll([]));
  button.addEventListener('click', () => {
    choose(index);
    for (const side of sides) say(side, 'show', { numbers: group.numbers });
  });
  const item = document.createElement('li');
  item.append(button);
  return item;
}

function lightAll(numbers) {
  for (const side of sides) say(side, 'light', { numbers });
}

function choose(index) {
  chosen = index;
  const group = groups[chosen];
  one('.detail').hidden = !group;
  all('.list button').forEach((button, at) => (at === chosen ? button.setAttribute('aria-current', 'true') : button.removeAttribute('aria-current')));
  if (!group) return;
  one('.rule').textContent = group.rule;
  one('.made').textContent = [group.place, group.made].filter(Boolean).join(', ');
  fill('.before', group.before, 'nothing');
  fill('.after', group.outcome === 'shown' ? group.after : '', group.outcome === 'shown' ? 'nothing' : 'what the origin had');
}

function fill(selector, text, empty) {
  const place = one(selector);
  place.textContent = text.trim();
  place.dataset.empty = empty;
}

// -- the person --

for (const input of all('input[name="visitor"]')) input.addEventListener('change', () => show({ visitor: input.value }));
one('#page').addEventListener('change', ({ target }) => show({ place: target.value }));
one('#outlines').addEventListener('change', ({ target }) => sides.forEach((side) => say(side, 'outlines', { on: target.checked })));
one('#restart').addEventListener('click', async () => {
  await fetch(`/_stage/restart/${state.visitor}`, { method: 'POST' });
  show({ place: '/' });
});
for (const tab of all('.sides button')) {
  tab.addEventListener('click', () => {
    one('.pair').dataset.shown = tab.dataset.side;
    for (const each of all('.sides button')) each.toggleAttribute('aria-current', each === tab);
    fit();
  });
}
one('#again').addEventListener('click', () => show({}, { remember: false }));

// -- the views of the panel --

const views = all('.views button');
function view(tab) {
  for (const each of views) {
    const chosen = each === tab;
    each.setAttribute('aria-selected', chosen);
    each.tabIndex = chosen ? 0 : -1;
    one(`#${each.getAttribute('aria-controls')}`).hidden = !chosen;
  }
}
for (const [at, tab] of views.entries()) {
  tab.addEventListener('click', () => view(tab));
  tab.addEventListener('keydown', ({ key }) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[key];
    if (to === undefined) return;
    const next = views.at(to % views.length);
    view(next);
    next.focus();
  });
}

// -- the world --

const reload = () => show({}, { remember: false });
changed((name) => {
  if (name === 'sale') open();
  reload();
});
rules(await look(), reload);

addEventListener('popstate', () => show(read(), { remember: false }));

// -- fitting: pages are drawn as wide as a small desktop, then made smaller --

const WIDTH = 900;

function fit() {
  for (const side of sides) {
    const { clientWidth, clientHeight } = frames[side].parentElement;
    if (!clientWidth) continue;
    const narrow = innerWidth <= 900;
    const width = narrow ? clientWidth : Math.max(WIDTH, clientWidth);
    const scale = clientWidth / width;
    Object.assign(frames[side].style, { width: `${width}px`, height: `${clientHeight / scale}px`, transform: `scale(${scale})` });
  }
}
new ResizeObserver(fit).observe(one('.pair'));
fit();
show({}, { remember: false });
