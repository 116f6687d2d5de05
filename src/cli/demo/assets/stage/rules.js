// A rule, edited in place: live in a second, or refused with its place.

const one = (selector) => document.querySelector(selector);
const [form, file, text, gutter, answer] = ['#rules', '#file', '#text', '.gutter', '.answer'].map(one);
let wrong = new Set();

export async function rules(world, live) {
  file.replaceChildren(...world.files.map((name) => new Option(name, name)));
  file.value = world.files.includes('products.yaml') ? 'products.yaml' : world.files[0];
  for (const button of form.querySelectorAll('button')) button.disabled = !world.editable;
  text.readOnly = !world.editable;
  file.addEventListener('change', () => open());
  text.addEventListener('input', numbers);
  text.addEventListener('scroll', () => { gutter.scrollTop = text.scrollTop; });
  form.addEventListener('submit', (event) => { event.preventDefault(); save(live); });
  addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === 's' && !form.hidden) {
      event.preventDefault();
      save(live);
    }
  });
  one('#original').addEventListener('click', async () => {
    await open('?original');
    save(live);
  });
  await open();
  if (!world.editable) say([line('soft', 'These are your own files: change them in your editor, and they are live on the next request.')]);
}

/** Reads the file again, where the world may have changed it. */
export async function open(which = '') {
  const read = await fetch(`/_stage/rules/${file.value}${which}`);
  text.value = await read.text();
  wrong = new Set();
  numbers();
  say([]);
}

async function save(live) {
  const begun = performance.now();
  const sent = await fetch(`/_stage/rules/${file.value}`, { method: 'PUT', body: text.value, headers: { 'content-type': 'text/plain' } });
  const told = await sent.json();
  wrong = new Set(told.problems.filter((problem) => problem.file.endsWith(file.value)).map((problem) => problem.line));
  numbers();
  const took = Math.round(performance.now() - begun);
  if (told.outcome === 'refused') return say([line('bad', 'Nothing changed. The rules from before still apply.'), ...told.problems.map(problem)]);
  say([line('good', told.outcome === 'live' ? `Live after ${took} ms, for the next request.` : 'It says what it said before.'), ...told.problems.map(problem)]);
  live();
}

function problem({ file: where, line: at, column, what, remedy }) {
  const button = document.createElement('button');
  button.type = 'button';
  button.append(part('code', at ? `${at}:${column}` : where), part('b', what), part('span', remedy));
  button.addEventListener('click', () => go(at, column));
  return button;
}

function go(at, column) {
  const before = text.value.split('\n').slice(0, at - 1).join('\n').length + (at > 1 ? 1 : 0) + column - 1;
  text.focus();
  text.setSelectionRange(before, before + 1);
  text.scrollTop = (at - 4) * parseFloat(getComputedStyle(text).lineHeight);
}

function numbers() {
  const count = text.value.split('\n').length;
  gutter.replaceChildren(...Array.from({ length: count }, (_, index) => part(wrong.has(index + 1) ? 'mark' : 'span', `${index + 1}\n`)));
  gutter.scrollTop = text.scrollTop;
}

const say = (parts) => answer.replaceChildren(...parts);
function line(kind, words) {
  const made = part('p', words);
  made.className = kind;
  return made;
}
function part(tag, words) {
  const made = document.createElement(tag);
  made.textContent = words;
  return made;
}
