// cpu:
export default () => { const a = Array.from({ length: 100 }, (_, i) => i); a.sort(() => { for (;;) {} }) }
