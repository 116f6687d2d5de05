// memory: | cpu: | threw: null
export default () => { const m = new Map(); for (let i = 0; ; i++) m.set(i, `${i}`.repeat(100)) }
