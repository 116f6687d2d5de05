// Time goes through the ledger. It stands still during a call, and local time is the site's, whatever the machine's is.

export function make(native, { apply, construct, define, own, NativeDate }) {
  const dates = NativeDate.prototype;
  const UTC = NativeDate.UTC;
  const utc = own(null);
  const parts = ['FullYear', 'Month', 'Date', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'];
  for (const part of [...parts, 'Day']) utc[`get${part}`] = dates[`getUTC${part}`];
  for (const part of parts) utc[`set${part}`] = dates[`setUTC${part}`];
  utc.getTime = dates.getTime;
  utc.setTime = dates.setTime;
  utc.iso = dates.toISOString;
  const dateParse = NativeDate.parse;
  const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
  const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

  function civil(date) {
    const time = apply(utc.getTime, date, []);
    return construct(NativeDate, [time + (time === time ? native.offset(time) : 0)]);
  }

  function fromCivil(time) {
    return time === time ? time - native.offsetOfCivil(time) : time;
  }

  const zoned = /(?:Z|GMT|UTC|[+-]\d\d:?\d\d)\s*(?:\([^)]*\))?$/i;
  const dateOnly = /^[+-]?\d{4,6}(?:-\d\d){0,2}$/;
  const test = RegExp.prototype.test;

  function parseDate(text) {
    text = `${text}`;
    if (apply(test, zoned, [text]) || apply(test, dateOnly, [text])) return dateParse(text);
    const iso = dateParse(`${text}Z`);
    return fromCivil(iso === iso ? iso : dateParse(`${text} GMT`));
  }

  function two(number) {
    return number < 10 ? `0${number}` : `${number}`;
  }

  function texts(date) {
    const time = apply(utc.getTime, date, []);
    if (time !== time) return undefined;
    const at = civil(date);
    const is = (name) => apply(utc[`get${name}`], at, []);
    const offset = native.offset(time) / 60000;
    const minutes = offset < 0 ? -offset : offset;
    const zone = `GMT${offset < 0 ? '-' : '+'}${two((minutes - minutes % 60) / 60)}${two(minutes % 60)}`;
    const clock = `${two(is('Hours'))}:${two(is('Minutes'))}:${two(is('Seconds'))}`;
    return {
      day: `${dayNames[is('Day')]} ${monthNames[is('Month')]} ${two(is('Date'))} ${is('FullYear')}`,
      iso: `${is('FullYear')}-${two(is('Month') + 1)}-${two(is('Date'))}`,
      clock,
      time: `${clock} ${zone}`,
    };
  }

  function siteDate() {
    const SiteDate = function Date(...given) {
      if (new.target === undefined) return apply(local.toString, construct(NativeDate, [native.now()]), []);
      let time;
      if (given.length === 0) time = native.now();
      else if (given.length > 1) time = fromCivil(apply(UTC, undefined, given));
      else {
        const value = typeof given[0] === 'object' && given[0] !== null ? given[0][Symbol.toPrimitive]?.('default') ?? given[0] : given[0];
        const known = given[0] instanceof NativeDate ? apply(utc.getTime, given[0], []) : value;
        time = typeof known === 'string' ? parseDate(known) : +known;
      }
      return construct(NativeDate, [time], new.target);
    };
    const set = (on, name, value) => define(on, name, { value, writable: true, configurable: true });
    const local = own(null);
    for (const part of [...parts, 'Day']) {
      local[`get${part}`] = function () { return apply(utc[`get${part}`], civil(this), []); };
    }
    for (const part of parts) {
      local[`set${part}`] = function (...given) {
        const at = civil(this);
        apply(utc[`set${part}`], at, given);
        return apply(utc.setTime, this, [fromCivil(apply(utc.getTime, at, []))]);
      };
    }
    local.getYear = function () { return apply(local.getFullYear, this, []) - 1900; };
    local.getTimezoneOffset = function () {
      const time = apply(utc.getTime, this, []);
      return time === time ? -native.offset(time) / 60000 : time;
    };
    const written = (of) => function () { const known = texts(this); return known ? of(known) : 'Invalid Date'; };
    local.toString = written((known) => `${known.day} ${known.time}`);
    local.toDateString = written((known) => known.day);
    local.toTimeString = written((known) => known.time);
    local.toLocaleString = written((known) => `${known.iso} ${known.clock}`);
    local.toLocaleDateString = written((known) => known.iso);
    local.toLocaleTimeString = written((known) => known.clock);
    for (const name in local) set(dates, name, local[name]);
    delete dates.setYear;
    set(dates, 'constructor', SiteDate);
    define(SiteDate, 'prototype', { value: dates, writable: false });
    set(SiteDate, 'now', () => native.now());
    set(SiteDate, 'parse', parseDate);
    set(SiteDate, 'UTC', UTC);
    return SiteDate;
  }

  return { Date: siteDate() };
}
