// memory: | cpu: | threw: null
export default () => { let f = () => 1; for (;;) { const g = f; const x = new Array(100).fill(0); f = () => [g, x] } }
