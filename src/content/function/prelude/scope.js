// What a function sees of the world: facades whose every trap asks the ledger. A facade holds no data of its own; what was
// asked once is kept in its target, which nothing but the traps can reach.

const own = Object.create;
const isArray = Array.isArray;
const arrayPrototype = Array.prototype;
const stringify = JSON.stringify;
const parse = JSON.parse;
const { apply, construct, get: reflectGet } = Reflect;
const define = Object.defineProperty;
const NativeDate = Date;
const NativeError = Error;
const NativePromise = Promise;
const NativeProxy = Proxy;
const wellFormed = ((call) => (text) => apply(call, text, []))(String.prototype.toWellFormed);

let native;
let settling = false;

function refuse(what) {
  throw new TypeError(`${what}: what a function is given can only be read; change a copy`);
}

function facade(answer) {
  if (typeof answer !== 'object' || answer === null) return answer;
  if (isArray(answer)) return new NativeProxy([], { __proto__: listTraps, node: answer[0], count: -1 });
  return new NativeProxy(own(null), { __proto__: mapTraps, node: answer.node, names: undefined });
}

// Positional arguments, then the named ones: an object at the end, as templates write `name=value`.
// Before `least` all are positional.
function argumentsOf(given, least = 0) {
  const last = given.length - 1;
  const named = last >= least && typeof given[last] === 'object' && given[last] !== null && !isArray(given[last])
    && !(given[last] instanceof NativeDate);
  let positional = '';
  for (let at = 0; at < (named ? last : given.length); at++) {
    positional += (at ? ',' : '') + (stringify(given[at]) ?? 'null');
  }
  return wellFormed(`[[${positional}],${named ? stringify(given[last]) : '{}'}]`);
}

function read(traps, target, key) {
  if (key in target) return target[key];
  if (settling && key === 'then') return undefined;
  const name = wellFormed(key);
  const value = native.isMethod(traps.node, name)
    ? (...given) => facade(native.call(traps.node, name, argumentsOf(given)))
    : facade(native.get(traps.node, name));
  target[key] = value;
  return value;
}

function described(value) {
  return { value, writable: true, enumerable: true, configurable: true };
}

const refusals = {
  __proto__: null,
  set(_, key) { refuse(`setting ${String(key)}`); },
  defineProperty(_, key) { refuse(`defining ${String(key)}`); },
  deleteProperty(_, key) { refuse(`deleting ${String(key)}`); },
  setPrototypeOf() { refuse('setting a prototype'); },
  preventExtensions() { refuse('freezing'); },
  isExtensible() { return true; },
};

const mapTraps = {
  __proto__: refusals,
  get(target, key) {
    if (typeof key !== 'symbol') return read(this, target, key);
    return key === Symbol.toPrimitive ? native.isNow(this.node) && (() => read(this, target, 'iso')) : undefined;
  },
  has(target, key) { return typeof key !== 'symbol' && read(this, target, key) !== undefined; },
  ownKeys() { return this.names ??= native.keys(this.node); },
  getOwnPropertyDescriptor(target, key) {
    const value = typeof key === 'symbol' ? undefined : read(this, target, key);
    return value === undefined || typeof value === 'function' ? undefined : described(value);
  },
  getPrototypeOf() { return null; },
};

function isIndex(key) {
  return typeof key === 'string' && `${key >>> 0}` === key && key !== '4294967295';
}

function length(traps) {
  if (traps.count < 0) traps.count = native.keys(traps.node).length;
  return traps.count;
}

const listTraps = {
  __proto__: refusals,
  get(target, key, receiver) {
    if (key === 'length') return length(this);
    return isIndex(key) ? this.item(target, key) : reflectGet(arrayPrototype, key, receiver);
  },
  // Reading an index tells whether it is there, not how many there are.
  item(target, key) {
    if (target.seen === undefined) target.seen = own(null);
    return read(this, target.seen, key);
  },
  has(target, key) {
    if (key === 'length') return true;
    return isIndex(key) ? this.item(target, key) !== undefined : key in arrayPrototype;
  },
  ownKeys() {
    const keys = [];
    for (let at = 0; at < length(this); at++) keys[at] = `${at}`;
    keys[keys.length] = 'length';
    return keys;
  },
  getOwnPropertyDescriptor(target, key) {
    if (key === 'length') return { value: length(this), writable: true, enumerable: false, configurable: false };
    const value = isIndex(key) ? this.item(target, key) : undefined;
    return value === undefined ? undefined : described(value);
  },
  getPrototypeOf() { return arrayPrototype; },
};

const waiting = own(null);
let asked = 0;

// Asks a source; what it answers is read through the ledger as everything else is.
function source(name, given = {}) {
  const ask = asked++;
  const call = argumentsOf([given]);
  return new NativePromise((resolve, reject) => {
    const known = native.source(ask, wellFormed(`${name}`), call);
    if (known) return hand(resolve, known);
    waiting[ask] = { resolve, reject };
  });
}

function hand(resolve, known) {
  settling = true;
  resolve(facade(known.is));
  settling = false;
}

// Called from outside: what an ask came to.
function settle(ask, known, failure) {
  const { resolve, reject } = waiting[ask];
  delete waiting[ask];
  if (known) return hand(resolve, known);
  const error = new NativeError(failure);
  error.name = 'SourceError';
  reject(error);
}

// What filters make: HTML that is safe as such, or a value.
function formatted(told) {
  if (told === undefined) return undefined;
  return told.json === undefined ? new Html(told.html) : parse(told.json);
}

// A message in the visitor's language.
function t(key, given = {}) {
  return formatted(native.format(undefined, argumentsOf([key, given], 1)));
}

function inputOf(given) {
  const target = own(null);
  target.with = given;
  target.source = source;
  target.t = t;
  return new NativeProxy(target, {
    __proto__: mapTraps,
    node: 0,
    names: undefined,
    ownKeys() { return this.names ??= [...native.keys(0), 'with', 'source', 't']; },
  });
}
