// URLs as the WHATWG standard says; the parsing is done outside.

export function make(native, { define, wellFormed }) {
  class URLSearchParams {
    #pairs = [];
    #url = null;

    constructor(init = '') {
      if (typeof init === 'object' && init !== null) {
        const pairs = typeof init[Symbol.iterator] === 'function' ? [...init] : Object.entries(init);
        for (const [name, value] of pairs) this.#pairs.push([wellFormed(`${name}`), wellFormed(`${value}`)]);
      } else {
        this.#pairs = native.parseQuery(wellFormed(`${init}`));
      }
    }

    static of(url, query) {
      const params = new URLSearchParams(query);
      params.#url = url;
      return params;
    }

    static again(params, query) {
      params.#pairs = native.parseQuery(query);
    }

    #changed() { this.#url?.(this.toString()); }

    get size() { return this.#pairs.length; }
    append(name, value) { this.#pairs.push([wellFormed(`${name}`), wellFormed(`${value}`)]); this.#changed(); }
    delete(name, value) {
      this.#pairs = this.#pairs.filter((pair) => pair[0] !== `${name}` || (value !== undefined && pair[1] !== `${value}`));
      this.#changed();
    }
    get(name) { return this.#pairs.find((pair) => pair[0] === `${name}`)?.[1] ?? null; }
    getAll(name) { return this.#pairs.filter((pair) => pair[0] === `${name}`).map((pair) => pair[1]); }
    has(name, value) {
      return this.#pairs.some((pair) => pair[0] === `${name}` && (value === undefined || pair[1] === `${value}`));
    }
    set(name, value) {
      const first = this.#pairs.findIndex((pair) => pair[0] === `${name}`);
      if (first < 0) return this.append(name, value);
      this.#pairs[first][1] = wellFormed(`${value}`);
      this.#pairs = this.#pairs.filter((pair, at) => at <= first || pair[0] !== `${name}`);
      this.#changed();
    }
    sort() { this.#pairs.sort((one, other) => (one[0] < other[0] ? -1 : one[0] > other[0] ? 1 : 0)); this.#changed(); }
    forEach(call, self) { for (const [name, value] of this.#pairs) call.call(self, value, name, this); }
    *entries() { for (const [name, value] of this.#pairs) yield [name, value]; }
    *keys() { for (const [name] of this.#pairs) yield name; }
    *values() { for (const [, value] of this.#pairs) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return native.writeQuery(this.#pairs.flat()); }
  }
  const { of: paramsOf, again: paramsAgain } = URLSearchParams;
  delete URLSearchParams.of;
  delete URLSearchParams.again;

  class URL {
    #parts;
    #params;

    constructor(url, base) {
      this.#parts = native.parseUrl(wellFormed(`${url}`), base === undefined ? undefined : wellFormed(`${base}`));
      if (!this.#parts) throw new TypeError(`${url} is not a URL`);
    }

    static canParse(url, base) {
      return native.parseUrl(wellFormed(`${url}`), base === undefined ? undefined : wellFormed(`${base}`)) !== undefined;
    }

    static parse(url, base) { return URL.canParse(url, base) ? new URL(url, base) : null; }

    #set(part, value) {
      this.#parts = native.setUrl(this.#parts.href, part, wellFormed(`${value}`)) ?? this.#parts;
    }

    static {
      for (const part of ['protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash', 'href']) {
        define(URL.prototype, part, {
          get() { return this.#parts[part]; },
          set(value) {
            if (part === 'href' && !URL.canParse(value)) throw new TypeError(`${value} is not a URL`);
            this.#set(part, value);
            if (this.#params && (part === 'search' || part === 'href')) paramsAgain(this.#params, this.#parts.search);
          },
          enumerable: true,
          configurable: true,
        });
      }
    }

    get origin() { return this.#parts.origin; }
    get searchParams() {
      return this.#params ??= paramsOf((query) => this.#set('search', query), this.#parts.search);
    }
    toString() { return this.#parts.href; }
    toJSON() { return this.#parts.href; }
  }

  return { URL, URLSearchParams };
}
