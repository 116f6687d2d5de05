const a = {};
const b = a.b.c;
export default () => b
