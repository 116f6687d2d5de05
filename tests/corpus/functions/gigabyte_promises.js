// memory: | cpu: | threw: null
export default async () => { const all = []; for (;;) all.push(new Promise(() => {})) }
