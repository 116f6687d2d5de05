// cpu:
export default () => { const t = { then(r) { r(t) } }; return t }
