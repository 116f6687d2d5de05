// The stage's eyes and hands inside a frame: finds the slots by their comments, draws around them, follows links in
// both frames at once. It is in a frame's copy of a page only, and leaves the page's own elements alone.
(() => {
  const script = document.currentScript;
  const { visitor, side, place, trace } = script.dataset;
  script.remove();
  if (parent === window) return;

  const tell = (kind, more) => parent.postMessage({ inlay: kind, visitor, side, ...more }, '*');

  // -- where the slots are --

  const slots = new Map(); // number → what can tell its rectangles: a Range or an Element
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_COMMENT);
  const opened = new Map();
  while (walker.nextNode()) {
    const comment = walker.currentNode;
    const [kind, number] = comment.data.split(':');
    if (kind === 'inlay') opened.set(number, comment);
    if (kind === 'inlay-tag' && comment.nextElementSibling) slots.set(+number, comment.nextElementSibling);
    if (kind === '/inlay' && opened.has(number)) {
      const range = document.createRange();
      range.setStartAfter(opened.get(number));
      range.setEndBefore(comment);
      slots.set(+number, range);
    }
  }

  // -- drawing --

  const host = document.createElement('inlay-marks');
  const root = host.attachShadow({ mode: 'closed' });
  const style = new CSSStyleSheet();
  style.replaceSync(`
    :host { all: initial; position: absolute; top: 0; left: 0; z-index: 2147483647; pointer-events: none; }
    .box { position: absolute; border-radius: 6px; outline: 2px dashed rgb(91 63 214 / .7); outline-offset: 2px; transition: background .12s; }
    .box.edge { outline-offset: -2px; border-radius: 0; }
    .box.kept { outline-color: rgb(90 90 100 / .45); outline-style: dotted; }
    .off .box { outline-color: transparent; }
    .box.lit { outline: 3px solid #5b3fd6; background: rgb(91 63 214 / .13); }
    .box.kept.lit { outline-color: #55525f; background: rgb(60 60 70 / .1); }
    .box b { display: none; position: absolute; left: -4px; bottom: calc(100% + 4px); padding: 4px 9px; border-radius: 6px; background: #5b3fd6; color: #fff;
      font: 600 14px/1.3 system-ui, "Segoe UI", "Liberation Sans", sans-serif; white-space: nowrap; }
    .box.low b { bottom: auto; top: 6px; left: 6px; }
    .box.right b { left: auto; right: -4px; }
    .box.kept b { background: #55525f; }
    .box.lit.named b { display: block; }
    .box i { font-style: normal; font-weight: 400; opacity: .85; }`);
  root.adoptedStyleSheets = [style];
  const layer = root.appendChild(document.createElement('div'));
  document.documentElement.append(host);

  let labels = []; // by number: { rule, place, kept }
  let boxes = []; // { number, box, left, top, right, bottom }
  let lit = new Set();

  function outline(number) {
    let edges = null;
    for (const { left, top, right, bottom, width, height } of slots.get(number).getClientRects()) {
      if (!width && !height) continue;
      edges ??= { left, top, right, bottom };
      edges = { left: Math.min(edges.left, left), top: Math.min(edges.top, top), right: Math.max(edges.right, right), bottom: Math.max(edges.bottom, bottom) };
    }
    return edges;
  }

  function draw() {
    layer.replaceChildren();
    boxes = [];
    for (const number of slots.keys()) {
      const edges = outline(number);
      const label = labels[number];
      const whole = slots.get(number) === document.body || slots.get(number) === document.documentElement;
      if (!edges || !label || whole || (edges.right - edges.left) * (edges.bottom - edges.top) === 0) continue;
      const [x, y] = [edges.left + scrollX, edges.top + scrollY];
      const box = layer.appendChild(document.createElement('div'));
      box.className = `box${label.kept ? ' kept' : ''}${y < 34 ? ' low' : ''}${edges.left > innerWidth / 2 ? ' right' : ''}${edges.left < 4 ? ' edge' : ''}`;
      box.style.cssText = `left:${x}px;top:${y}px;width:${edges.right - edges.left}px;height:${edges.bottom - edges.top}px`;
      const name = box.appendChild(document.createElement('b'));
      name.textContent = `${label.rule} `;
      name.appendChild(document.createElement('i')).textContent = label.place;
      boxes.push({ number, box, left: x, top: y, right: x + edges.right - edges.left, bottom: y + edges.bottom - edges.top });
    }
    light(lit);
  }

  function light(numbers) {
    lit = numbers;
    let named = false; // of many slots of one rule, one label says it
    for (const { number, box } of boxes) {
      box.classList.toggle('lit', lit.has(number));
      box.classList.toggle('named', lit.has(number) && !named);
      named ||= lit.has(number);
    }
  }

  let due = 0;
  const redraw = () => {
    cancelAnimationFrame(due);
    due = requestAnimationFrame(draw);
  };
  new ResizeObserver(redraw).observe(document.documentElement);
  addEventListener('load', redraw);

  // -- hovering --

  let over = null;
  function hover(number) {
    if (number === over) return;
    over = number;
    light(new Set(number === null ? [] : [number]));
    tell('over', { number });
  }
  document.addEventListener('mousemove', ({ pageX, pageY }) => {
    const area = (box) => (box.right - box.left) * (box.bottom - box.top);
    const under = boxes.filter((box) => box.left <= pageX && pageX <= box.right && box.top <= pageY && pageY <= box.bottom);
    hover(under.sort((a, b) => area(a) - area(b))[0]?.number ?? null);
  });
  document.documentElement.addEventListener('mouseleave', () => hover(null));

  // -- going elsewhere, in both frames --

  const here = new URL(location.href).origin;
  function go(event, url) {
    if (url.origin !== here) return;
    event.preventDefault();
    for (const ours of ['visitor', 'side', 'of']) url.searchParams.delete(ours);
    tell('go', { place: url.pathname + url.search });
  }
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href]');
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || event.defaultPrevented || link.target || link.getAttribute('href').startsWith('#')) return;
    go(event, new URL(link.href));
  });
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === 'dialog') return;
    const url = new URL(form.action);
    if (form.method === 'post') {
      // On one host for all, the address says who asks; a browser that sends no Referer would lose that.
      const told = new URLSearchParams(location.search);
      if (!told.has('side') || url.origin !== here) return;
      for (const ours of ['visitor', 'side']) url.searchParams.set(ours, told.get(ours));
      form.action = url;
      return;
    }
    url.search = new URLSearchParams(new FormData(form, event.submitter));
    go(event, url);
  });

  // -- scrolling together --

  const range = () => Math.max(1, document.documentElement.scrollHeight - innerHeight);
  let led = 0; // until when scrolling is the other frame's doing
  addEventListener('scroll', () => {
    if (performance.now() > led) tell('scroll', { share: scrollY / range() });
  }, { passive: true });

  // -- what the stage says --

  addEventListener('message', ({ source, data }) => {
    if (source !== parent || !data?.inlay) return;
    if (data.inlay === 'labels') [labels, layer.className] = [data.labels, data.outlines ? '' : 'off'];
    if (data.inlay === 'labels') redraw();
    if (data.inlay === 'light') light(new Set(data.numbers));
    if (data.inlay === 'outlines') layer.className = data.on ? '' : 'off';
    if (data.inlay === 'scroll') {
      led = performance.now() + 120;
      scrollTo({ top: data.share * range(), behavior: 'instant' });
    }
    if (data.inlay === 'show') {
      const box = boxes.find(({ number }) => data.numbers.includes(number));
      led = performance.now() + 1000; // each frame goes to its own
      if (box) scrollTo({ top: (box.top + box.bottom - innerHeight) / 2, behavior: 'smooth' });
    }
  });

  tell('ready', { place, trace: trace === '' ? null : +trace });
})();
