// memory: | cpu: | threw: null
export default () => { const a = []; for (;;) a.push(new Array(1000).fill(a)) }
