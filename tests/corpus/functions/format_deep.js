// threw:
export default () => { let deep = []; for (let at = 0; at < 3000; at++) deep = [deep]; return String(format.sort_by(deep, 'a')); }
