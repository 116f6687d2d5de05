// memory:
export default () => { let s = "x"; for (;;) s = s + s + `${s}y` + s.at(-1) }
