// cpu:
export default () => { const a = [1]; a.length = 2 ** 32 - 1; return String(a.flatMap((x) => x).length) }
