// What stands under global names: what a function must not have is taken away, what it may expect is put there. What is seldom
// used is made when it is first named.

// One number of the exchange begins a sequence.
let chance;
const multiply = Math.imul;

function random() {
  chance ??= (native.random() * 4294967296) >>> 0;
  chance = (chance + 0x9e3779b9) >>> 0;
  let mixed = multiply(chance ^ (chance >>> 16), 0x21f0aaad);
  mixed = multiply(mixed ^ (mixed >>> 15), 0x735a2d97);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 4294967296;
}

function said(value) {
  if (typeof value === 'string') return value;
  if (typeof value === 'symbol' || typeof value === 'function' || typeof value === 'bigint') return String(value);
  if (value instanceof NativeError) return value.stack ? `${value}\n${value.stack}` : `${value}`;
  try {
    return stringify(value) ?? 'undefined';
  } catch (error) {
    return `(${error})`;
  }
}

function writer(level) {
  return (...values) => native.console(level, wellFormed(values.map(said).join(' ')));
}

function refused(name, why) {
  return () => { throw new TypeError(`${name}: ${why}`); };
}

function racing(name) {
  const plain = NativePromise[name];
  return { [name](values) { native.race(); return apply(plain, this, [values]); } }[name];
}

// A long text is searched for in a longer one by trying every place, and nothing outside can end that.
const SEARCH = 1 << 28;

function boundedSearch(name) {
  const plain = String.prototype[name];
  return { [name](sought, other) {
    if (typeof sought === 'string' && sought.length > 64 && sought.length * `${this}`.length > SEARCH) {
      throw new RangeError(`${name}: these texts are too long to be searched`);
    }
    return apply(plain, this, arguments);
  } }[name];
}

// So many places of a list are gone through at once where the engine can't be stopped on the way; more do not fit into its memory.
const LONG = 1 << 21;

function short(list) {
  if (list.length > LONG) throw new RangeError(`a list of ${list.length} is too long`);
  return list;
}

function boundedList(name) {
  const plain = arrayPrototype[name];
  return { [name](first, second) {
    short(this);
    for (let at = 0; at < arguments.length; at++) {
      if (typeof arguments[at] === 'object' && arguments[at] !== null) short(arguments[at]);
    }
    return apply(plain, this, arguments);
  } }[name];
}

const bounded = [
  'concat', 'copyWithin', 'fill', 'join', 'reverse', 'shift', 'slice', 'sort', 'splice', 'toLocaleString', 'unshift',
];

function flattened(list, depth, into) {
  short(list);
  for (let at = 0; at < list.length; at++) {
    if (!(at in list)) continue;
    if (depth > 0 && isArray(list[at])) flattened(list[at], depth - 1, into);
    else into[into.length] = list[at];
  }
  return into;
}

const flattening = {
  flat(depth = 1) { return flattened(this, +depth, []); },
  flatMap(call, self) { return flattened(apply(map, this, [call, self]), 1, []); },
};
const { map } = arrayPrototype;
const { raw } = String;

const gone = ['eval', 'Function', 'SharedArrayBuffer', 'Atomics', 'WeakRef', 'FinalizationRegistry', 'performance'];
const lazy = {
  Date: 'time', URL: 'url', URLSearchParams: 'url', structuredClone: 'clone',
  TextEncoder: 'text', TextDecoder: 'text', atob: 'text', btoa: 'text', crypto: 'text', format: 'format',
};

function put(on, name, value) {
  define(on, name, { value, writable: true, enumerable: false, configurable: true });
}

function makePart(world, part) {
  const made = native.part(part)(native, {
    apply, argumentsOf, construct, define, formatted, isArray, own, textOfHtml, wellFormed, NativeDate,
  });
  for (const name in made) put(world, name, made[name]);
  return made;
}

function furnish(world) {
  for (const name of gone) delete world[name];
  for (const name of ['indexOf', 'lastIndexOf', 'includes', 'split', 'replace', 'replaceAll']) {
    put(String.prototype, name, boundedSearch(name));
  }
  for (const name of bounded) put(arrayPrototype, name, boundedList(name));
  put(arrayPrototype, 'flat', flattening.flat);
  put(arrayPrototype, 'flatMap', flattening.flatMap);
  put(String, 'raw', (strings, ...values) => (short(strings.raw), apply(raw, undefined, [strings, ...values])));
  put(Math, 'random', random);
  for (const name of ['race', 'any']) put(NativePromise, name, racing(name));
  for (const name in lazy) define(world, name, { configurable: true, get: () => makePart(world, lazy[name])[name] });
  const timers = 'a function has no timers, it has until the deadline of its slot';
  put(world, 'html', html);
  put(world, 'escapeHtml', escapeHtml);
  put(world, 'console', {
    log: writer('log'), info: writer('info'), debug: writer('debug'), warn: writer('warn'), error: writer('error'),
  });
  put(world, 'performance', { now: () => 0, get timeOrigin() { return native.now(); } });
  put(world, 'fetch', refused('fetch', 'a function reaches the outside by `await input.source(name, {…})` only'));
  for (const name of ['setTimeout', 'setInterval', 'setImmediate']) put(world, name, refused(name, timers));
}
