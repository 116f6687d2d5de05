// HTML that is made of parts: what is put into a template of the tag `html` is escaped unless it is such HTML itself.

const replace = String.prototype.replace;
const special = /[&<>"']/g;
const references = { __proto__: null, '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text) {
  return apply(replace, `${text}`, [special, (found) => references[found]]);
}

class Html {
  #text;
  constructor(text) { this.#text = text; }
  toString() { return this.#text; }
  static textOf(value) {
    return typeof value === 'object' && value !== null && #text in value ? value.#text : undefined;
  }
}
const textOfHtml = Html.textOf;
delete Html.textOf;

function written(value) {
  if (value === null || value === false) return '';
  if (value === undefined) throw new TypeError('a value in html`…` is unknown (undefined), so it cannot be printed');
  const text = textOfHtml(value);
  if (text !== undefined) return text;
  if (!isArray(value)) return escapeHtml(value);
  let all = '';
  for (let at = 0; at < value.length; at++) all += written(value[at]);
  return all;
}

function html(strings, ...values) {
  let all = strings[0];
  for (let at = 0; at < values.length; at++) all += written(values[at]) + strings[at + 1];
  return new Html(all);
}
html.raw = (text) => new Html(`${text}`);
