// The way into a function and out of it.

function kindOf(value) {
  return isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function shownAs(value, what) {
  if (value === undefined || value === null || value === false) return undefined;
  const text = typeof value === 'string' ? value : textOfHtml(value);
  if (text === undefined) {
    throw new TypeError(`${what} ${kindOf(value)}; text is shown as HTML, null shows nothing`);
  }
  return text;
}

function finish(result, limit) {
  const plain = typeof result === 'object' && result !== null && !isArray(result) && textOfHtml(result) === undefined;
  const { html: shown, data, status } = plain ? result : { html: result };
  const text = shownAs(shown, plain ? 'the function gave as `html`' : 'the function returned');
  const json = data === undefined ? undefined : stringify(data);
  if ((text?.length ?? 0) + (json?.length ?? 0) > limit) return native.tooMuch();
  if (status !== undefined && !(status >= 200 && status <= 599 && status % 1 === 0)) {
    throw new TypeError('`status` is a whole number from 200 to 599');
  }
  native.done(text && wellFormed(text), json && wellFormed(json), status);
}

function fail(error) {
  let what = 'something that cannot be printed';
  let stack = '';
  try {
    what = error === null ? 'null was thrown, as the engine does too when it has no memory left' : `${error}`;
    stack = error instanceof NativeError ? `${error.stack}` : '';
  } catch { /* it stays unsaid */ }
  native.fail(wellFormed(what), wellFormed(stack));
}

function start(main, given, limit) {
  if (typeof main !== 'function') return native.fail('TypeError: the default export is not a function', '');
  const input = inputOf(parse(given));
  (async () => finish(await main(input), limit))().then(undefined, fail);
}

export function boot(given) {
  native = given;
  furnish(globalThis);
  return [start, settle];
}
