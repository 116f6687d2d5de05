// The world's switches: weather, date, campaign, how each API behaves.

const form = document.querySelector('.world');
const asked = (path, init) => fetch(path, { headers: { 'content-type': 'application/json' }, ...init });

/** Reads how the world is, and shows it. Out: the same. */
export async function look() {
  return shown(await (await asked('/_stage/world')).json());
}

/** Calls `then` after each change that took hold. */
export function changed(then) {
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', async ({ target }) => {
    const { name, value, checked } = target;
    const api = target.closest('.api');
    const what = api ? { api: { name, mode: value } } : { [name]: name === 'sale' ? checked : value };
    const answer = await asked('/_stage/world', { method: 'POST', body: JSON.stringify(what) });
    await look();
    if (answer.ok) then(name);
  });
}

function shown(world) {
  form.elements.sky.value = world.sky;
  form.elements.when.value = world.when;
  form.elements.sale.checked = world.sale === true;
  form.elements.sale.disabled = !world.editable || world.sale === null;
  for (const { name, mode } of world.apis) {
    form.elements[name].value = mode;
    form.querySelector(`[data-api="${name}"]`).dataset.mode = mode;
  }
  return world;
}

/** How often each API was called for a page. */
export function calls(told) {
  for (const output of form.querySelectorAll('output')) {
    const count = told?.[output.closest('.api').dataset.api] ?? 0;
    output.textContent = count ? `${count} ${count === 1 ? 'call' : 'calls'}` : 'not asked';
    output.toggleAttribute('data-none', !count);
  }
}
